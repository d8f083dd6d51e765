#include "host_checks.hpp"
#include "verbs.hpp"
#include "words.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kApiTimeout = std::chrono::seconds(5);

/// /readyz tells more than /healthz: 503 when the launcher does not answer.
Check check_api(const Context& context) {
    try {
        context.api().get("/readyz", kApiTimeout);
        return {"API", Verdict::good, context.globals.host, {}};
    } catch (const Error& error) {
        return {"API", Verdict::failed, error.what(),
                error.cure().empty() ? "Look at the log: journalctl -u sandboxd." : error.cure()};
    }
}

std::string verdict_word(Verdict verdict) {
    return verdict == Verdict::good ? "ok" : verdict == Verdict::warning ? "warning" : "FAILED";
}

Colour colour_of(Verdict verdict) {
    return verdict == Verdict::good      ? Colour::green
           : verdict == Verdict::warning ? Colour::yellow
                                         : Colour::red;
}

void print_checks(const Context& context, const std::vector<Check>& checks) {
    std::size_t widest = 0;
    for (const Check& check : checks)
        widest = std::max(widest, text_width(check.name));
    for (const Check& check : checks) {
        if (context.globals.quiet && check.verdict == Verdict::good)
            continue;
        std::string verdict = verdict_word(check.verdict);
        verdict.resize(8, ' ');
        context.terminal.out << painted(context.terminal, verdict, colour_of(check.verdict)) << check.name
                             << std::string(widest + 2 - text_width(check.name), ' ')
                             << printable(check.detail, true) << "\n";
        if (!check.cure.empty())
            context.terminal.out << std::string(10, ' ') << "cure: " << printable(check.cure, true) << "\n";
    }
}

void doctor(Context& context, const std::string& config) {
    std::vector<Check> checks = check_host(this_host());
    std::ranges::move(check_site(config), std::back_inserter(checks));
    checks.push_back(check_api(context));
    if (context.json()) {
        Json all = Json::array();
        for (const Check& check : checks)
            all.push_back(
                {{"name", check.name},
                 {"verdict", check.verdict == Verdict::failed ? "failed" : verdict_word(check.verdict)},
                 {"detail", check.detail},
                 {"cure", check.cure}});
        context.print(Json{{"checks", all}});
    } else {
        print_checks(context, checks);
    }
    const bool any_failed =
        std::ranges::any_of(checks, [](const Check& check) { return check.verdict == Verdict::failed; });
    context.exit_status = any_failed ? 1 : 0;
}

} // namespace

void add_doctor(Verb& app, Context& context) {
    const auto config = std::make_shared<std::string>("/etc/chimerax-sandbox/sandboxd.toml");
    Verb verb = app.add_verb("doctor", "Check this host; each failure says its cure");
    verb.option("--config", *config, "The site's settings").show_default();
    verb.run([config, &context] { doctor(context, *config); });
}

} // namespace sandbox::ctl
