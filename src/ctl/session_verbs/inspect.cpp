#include "ctl/context/verbs.hpp"
#include "ctl/views/inspect_text.hpp"

#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

void inspect(Context& context, const std::string& prefix) {
    const ApiClient api = context.api();
    const std::string id = api.find_session(prefix);
    const Json session = api.get_session(id);
    const Json seen = api.get("/v1/sessions/" + id + "/inspect");
    if (context.json()) {
        context.print(Json{{"session", session}, {"inspect", seen}});
        return;
    }
    context.terminal.out << inspect_text(context.terminal, session, seen, std::chrono::system_clock::now());
}

} // namespace

void add_inspect(Verb& app, Context& context) {
    const auto id = std::make_shared<std::string>();
    Verb verb = app.add_verb(
        "inspect", "Show a session as the kernel sees it: limits, usage, processes, namespaces, mounts");
    verb.option("ID", *id, "The session; the start of its id is enough").required();
    verb.run([id, &context] { inspect(context, *id); });
}

} // namespace sandbox::ctl
