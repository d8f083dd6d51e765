#include "ctl/doctor/host_checks.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string verdict_word(Verdict verdict) {
    return verdict == Verdict::good ? "ok" : verdict == Verdict::warning ? "warning" : "FAILED";
}

Colour colour_of(Verdict verdict) {
    return verdict == Verdict::good      ? Colour::green
           : verdict == Verdict::warning ? Colour::yellow
                                         : Colour::red;
}

} // namespace

std::string doctor_text(const Terminal& terminal, const std::vector<Check>& checks, bool only_findings) {
    std::size_t widest = 0;
    for (const Check& check : checks)
        widest = std::max(widest, text_width(check.name));
    std::string text;
    for (const Check& check : checks) {
        if (only_findings && check.verdict == Verdict::good)
            continue;
        std::string verdict = verdict_word(check.verdict);
        verdict.resize(8, ' ');
        text += painted(terminal, verdict, colour_of(check.verdict)) + check.name +
                std::string(widest + 2 - text_width(check.name), ' ') + printable(check.detail, true) + "\n";
        if (!check.cure.empty())
            text += std::string(10, ' ') + "cure: " + printable(check.cure, true) + "\n";
    }
    return text;
}

Json doctor_json(const std::vector<Check>& checks) {
    Json all = Json::array();
    for (const Check& check : checks)
        all.push_back({{"name", check.name},
                       {"verdict", check.verdict == Verdict::failed ? "failed" : verdict_word(check.verdict)},
                       {"detail", check.detail},
                       {"cure", check.cure}});
    return {{"checks", std::move(all)}};
}

} // namespace sandbox::ctl
