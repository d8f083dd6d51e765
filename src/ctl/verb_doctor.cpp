#include "host_checks.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

void doctor(Context& context, const std::string& config) {
    const std::vector<Check> checks = examine(context, config);
    if (context.json())
        context.print(doctor_json(checks));
    else
        context.terminal.out << doctor_text(context.terminal, checks, context.globals.quiet);
    const bool any_failed =
        std::ranges::any_of(checks, [](const Check& check) { return check.verdict == Verdict::failed; });
    context.exit_status = any_failed ? 1 : 0;
}

} // namespace

std::vector<Check> examine(const Context& context, const std::string& config) {
    const HostView host = this_host();
    std::vector<Check> checks = check_host(host);
    std::ranges::move(check_site(config, host), std::back_inserter(checks));
    std::ranges::move(check_api(context.api(), context.globals.host, SANDBOX_VERSION),
                      std::back_inserter(checks));
    return checks;
}

void add_doctor(Verb& app, Context& context) {
    const auto config = std::make_shared<std::string>(kSiteSettings);
    Verb verb = app.add_verb("doctor", "Check this host; each failure says its cure");
    verb.option("--config", *config, "The site's settings").of("FILE").show_default();
    verb.run([config, &context] { doctor(context, *config); });
}

} // namespace sandbox::ctl
