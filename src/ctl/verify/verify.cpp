#include "ctl/verify/verify.hpp"

#include "ctl/format/json_text.hpp"
#include "sandbox/base/error.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr std::uint64_t kPage = 4096;

bool is_listed(const Json& not_enforced, const std::string& file) {
    if (not_enforced.is_array())
        for (const Json& item : not_enforced)
            if (item.is_string() && item.get<std::string>().find(file) != std::string::npos)
                return true;
    return false;
}

/// The kernel keeps memory limits in whole pages (mm/page_counter.c).
bool is_same_setting(const std::string& file, const std::string& expected, const std::string& found) {
    const auto wanted = whole_number(expected), is = whole_number(found);
    if (file.starts_with("memory.") && !file.starts_with("memory.oom") && wanted && is)
        return *wanted / kPage == *is / kPage;
    return expected == found;
}

const Json& files_of(const Json& inspected, const std::string& group) {
    return group == "session" ? member(inspected, {"cgroup", "files"})
                              : member(inspected, {"cgroup", group.c_str()});
}

void verify_setting(const Json& inspected, const Json& setting, std::vector<Proof>& proofs) {
    const std::string group = word(setting, {"group"}), file = word(setting, {"file"});
    const std::string expected = word(setting, {"value"});
    const std::string found = word(files_of(inspected, group), {file.c_str()});
    const std::string name = group == "session" ? file : group + "/" + file;
    add_proof(proofs, name, is_same_setting(file, expected, found), expected,
              found == "-" ? "no file" : found);
    if (found == "-" && member(inspected, {"promise", "strict"}) == false &&
        is_listed(member(inspected, {"not_enforced"}), file))
        proofs.back().held = Held::not_enforced;
}

} // namespace

void add_proof(std::vector<Proof>& proofs, std::string promise, bool holds, std::string expected,
               std::string found) {
    proofs.push_back(
        {std::move(promise), holds ? Held::yes : Held::no, std::move(expected), std::move(found)});
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, number);
    return ec == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

void verify_cgroup(const Json& inspected, std::vector<Proof>& proofs) {
    const Json& settings = member(inspected, {"promise", "cgroup"});
    if (settings.is_array())
        for (const Json& setting : settings)
            verify_setting(inspected, setting, proofs);
    const Json& below = member(inspected, {"cgroup", "below"});
    bool only_two = below.is_array() && below.size() == 2;
    for (const char* name : {"init", "payload"})
        only_two = only_two && std::ranges::find(below, Json(name)) != below.end();
    add_proof(proofs, "groups below its cgroup", only_two, "init, payload", joined(below));
}

std::vector<Proof> verify(const Json& inspected) {
    if (!member(inspected, {"promise"}).is_object())
        throw Error(Errc::unsupported, "the launcher keeps no promise of this session",
                    "It was made by an older launcher: make a new session.");
    std::vector<Proof> proofs;
    verify_cgroup(inspected, proofs);
    verify_processes(inspected, proofs);
    verify_mounts(inspected, proofs);
    verify_network(inspected, proofs);
    const bool whole = member(inspected, {"more"}) == false && member(inspected, {"truncated"}) == false;
    add_proof(proofs, "nothing is left out", whole, "all of it was looked at",
              whole ? "all of it" : "more than the launcher looks at");
    return proofs;
}

} // namespace sandbox::ctl
