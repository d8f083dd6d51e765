#include "ctl/verify/verify_text.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string verdict_word(Held held) {
    return held == Held::yes ? "ok" : held == Held::no ? "FAIL" : "n/a";
}

std::string line_of(const Terminal& terminal, const Proof& proof, std::size_t widest) {
    std::string verdict = verdict_word(proof.held);
    verdict.resize(6, ' ');
    std::string rest = proof.promise + std::string(widest + 2 - text_width(proof.promise), ' ');
    if (proof.held == Held::yes)
        rest += proof.found;
    else if (proof.held == Held::no)
        rest += "expected " + proof.expected + "; found " + proof.found;
    else
        rest += "not enforced on this host (best-effort): " + proof.expected;
    const Colour colour = proof.held == Held::yes  ? Colour::green
                          : proof.held == Held::no ? Colour::red
                                                   : Colour::yellow;
    return painted(terminal, verdict, colour) + printable(rest) + "\n";
}

auto count_of(const std::vector<Proof>& proofs, Held held) {
    return std::ranges::count(proofs, held, &Proof::held);
}

} // namespace

std::string verify_text(const Terminal& terminal, const std::string& session,
                        const std::vector<Proof>& proofs, bool first_hand, bool only_failures) {
    std::size_t widest = 0;
    for (const Proof& proof : proofs)
        widest = std::max(widest, text_width(proof.promise));
    std::string text;
    for (const Proof& proof : proofs)
        if (!only_failures || proof.held == Held::no)
            text += line_of(terminal, proof, widest);
    if (only_failures)
        return text;
    text += "\nSession " + session + ": " + std::to_string(count_of(proofs, Held::yes)) + " promises hold, " +
            std::to_string(count_of(proofs, Held::no)) + " do not";
    if (const auto missing = count_of(proofs, Held::not_enforced); missing > 0)
        text += ", " + std::to_string(missing) + " are not enforced on this host";
    text += first_hand
                ? ".\nThe launcher itself was asked.\n"
                : ".\nThe manager told what the launcher saw; as root on its host the launcher itself is "
                  "asked.\n";
    return text;
}

Json verify_json(const std::string& session, const std::vector<Proof>& proofs, bool first_hand) {
    Json list = Json::array();
    for (const Proof& proof : proofs)
        list.push_back({{"promise", proof.promise},
                        {"verdict", proof.held == Held::yes  ? "ok"
                                    : proof.held == Held::no ? "failed"
                                                             : "not_enforced"},
                        {"expected", proof.expected},
                        {"found", proof.found}});
    return {{"session", session},
            {"holds", count_of(proofs, Held::no) == 0},
            {"source", first_hand ? "launcher" : "manager"},
            {"proofs", std::move(list)}};
}

} // namespace sandbox::ctl
