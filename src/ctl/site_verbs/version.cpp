#include "sandbox/base/version.hpp"

#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"

#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// The tool's own version needs no server; that of the server is shown where there is one.
void version(Context& context) {
    Json all{{"sandboxctl", sandbox::version()}};
    try {
        const Json answer = context.api().get("/version");
        const Json& number = member(answer, {"version"});
        all["sandboxd"] = number.is_string() ? number : answer;
    } catch (const Error& error) {
        all["sandboxd"] = nullptr;
        if (!context.json() && !context.globals.quiet)
            context.terminal.err << "sandboxctl: " << printable(error.what()) << "\n";
    }
    if (context.json()) {
        context.print(all);
        return;
    }
    context.terminal.out << "sandboxctl " << word(all, {"sandboxctl"}) << "\n";
    if (!all["sandboxd"].is_null())
        context.terminal.out << "sandboxd " << printable(word(all, {"sandboxd"})) << "\n";
}

} // namespace

void add_version(Verb& app, Context& context) {
    app.add_verb("version", "Show the versions of this tool and of the server").run([&context] {
        version(context);
    });
}

} // namespace sandbox::ctl
