#include "ctl/verify/verify.hpp"

#include "ctl/context/verbs.hpp"
#include "ctl/verify/facts_source.hpp"
#include "ctl/verify/verify_text.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

void verify_session(Context& context, const std::string& prefix) {
    const std::string id = is_session_id(prefix) ? prefix : context.api().find_session(prefix);
    const LauncherFacts facts = ask_for_facts(context, id);
    const std::vector<Proof> proofs = verify(facts.inspected);
    if (context.json())
        context.print(verify_json(id, proofs, facts.first_hand));
    else
        context.terminal.out << verify_text(context.terminal, id, proofs, facts.first_hand,
                                            context.globals.quiet);
    context.exit_status =
        std::ranges::any_of(proofs, [](const Proof& proof) { return proof.held == Held::no; });
}

} // namespace

void add_verify(Verb& app, Context& context) {
    const auto id = std::make_shared<std::string>();
    Verb verb = app.add_verb(
        "verify",
        "Prove each promise of a session's policy from outside; with -q show only what does not hold");
    verb.option("ID", *id, "The session; the start of its id is enough").required();
    verb.run([id, &context] { verify_session(context, *id); });
}

} // namespace sandbox::ctl
