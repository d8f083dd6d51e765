#include "ctl/format/json_text.hpp"
#include "ctl/verify/verify.hpp"

#include <functional>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr const char* kNoCapability = "0000000000000000";

/// `value_of` each way in which processes are confined must be `expected`; found is the first that is not.
void verify_each(const Json& inspected, std::vector<Proof>& proofs, const std::string& promise,
                 const std::string& expected, const std::function<std::string(const Json&)>& value_of) {
    const Json& all = member(inspected, {"confinement"});
    std::string found;
    bool holds = all.is_array() && !all.empty();
    if (!holds)
        found = "no process";
    for (std::size_t i = 0; holds && i < all.size(); ++i) {
        found = value_of(member(all[i], {"as"}));
        holds = found == expected;
        if (!holds)
            found += " (pid " + joined(member(all[i], {"pids"})) + ")";
    }
    add_proof(proofs, promise, holds, expected, found);
}

void verify_member(const Json& inspected, std::vector<Proof>& proofs, const std::string& promise,
                   const std::string& expected, const char* name) {
    verify_each(inspected, proofs, promise, expected,
                [name](const Json& confinement) { return word(confinement, {name}); });
}

/// Where the near ends of all links are.
bool is_apart_from_gateway(const Json& inspected, const std::string& id) {
    const std::string gateway = word(inspected, {"gateway"});
    return gateway.starts_with("net:[") && gateway != id;
}

void verify_namespaces(const Json& inspected, std::vector<Proof>& proofs) {
    for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
        const std::string promise = std::string(kind) + " namespace";
        const std::string id = word(inspected, {"namespaces", kind, "id"});
        if (member(inspected, {"namespaces", kind, "private"}) != true)
            add_proof(proofs, promise, false, "its own", id + ", the host's");
        else if (promise.starts_with("net") && !is_apart_from_gateway(inspected, id))
            add_proof(proofs, promise, false, "its own, not the gateway's", id);
        else
            verify_each(inspected, proofs, promise, id, [kind](const Json& confinement) {
                return word(confinement, {"namespaces", kind});
            });
    }
}

void verify_identity(const Json& inspected, std::vector<Proof>& proofs) {
    const std::string host = word(inspected, {"promise", "host_uid"});
    const std::string map = word(inspected, {"promise", "inside_uid"}) + " " + host + " 1";
    const std::string four = host + " " + host + " " + host + " " + host;
    verify_member(inspected, proofs, "uid", four, "uid");
    verify_member(inspected, proofs, "gid", four, "gid");
    verify_member(inspected, proofs, "further groups", "-", "groups");
    verify_member(inspected, proofs, "uid map", map, "uid_map");
    verify_member(inspected, proofs, "gid map", map, "gid_map");
    verify_member(inspected, proofs, "setgroups", "deny", "setgroups");
    verify_member(inspected, proofs, "no_new_privs", "1", "no_new_privs");
    verify_member(inspected, proofs, "seccomp mode", "2", "seccomp");
    for (const char* set : {"effective", "permitted", "inheritable", "bounding", "ambient"})
        verify_each(inspected, proofs, std::string("capabilities, ") + set, kNoCapability,
                    [set](const Json& confinement) {
                        return word(confinement, {"capabilities", set});
                    });
    const std::string nested = word(inspected, {"nested_user_namespaces"});
    add_proof(proofs, "nested user namespaces", nested == "0", "0", nested);
}

std::string named(const Json& list, std::initializer_list<const char*> names) {
    std::string text;
    if (list.is_array())
        for (const Json& item : list) {
            std::string words;
            for (const char* name : names)
                words += (words.empty() ? "" : " ") + word(item, {name});
            text += (text.empty() ? "" : ", ") + words;
        }
    return text;
}

bool is_empty_list(const Json& list) {
    return list.is_array() && list.empty();
}

void verify_limits(const Json& inspected, std::vector<Proof>& proofs) {
    const Json& limits = member(inspected, {"promise", "limits"});
    if (limits.is_array())
        for (const Json& limit : limits) {
            const std::string name = word(limit, {"name"}), expected = word(limit, {"value"});
            const std::string highest = word(inspected, {"highest_limits", name.c_str()});
            // As the launcher saw it before a tenant could lower it. Older ones did not look.
            const std::string given = word(limit, {"given"});
            const auto most = whole_number(expected), is = whole_number(highest);
            const bool is_too_high = !most || !is || *is > *most;
            add_proof(proofs, name, !is_too_high && (given == expected || given == "-"), expected,
                      is_too_high || given == "-" ? highest : given);
        }
    const Json& lowest = member(inspected, {"lowest_oom_score_adj"});
    const Json& promised = member(inspected, {"promise", "oom_score_adj"});
    add_proof(proofs, "oom_score_adj",
              lowest.is_number() && promised.is_number() && lowest.get<int>() >= promised.get<int>(),
              "at least " + word(inspected, {"promise", "oom_score_adj"}),
              word(inspected, {"lowest_oom_score_adj"}));
}

} // namespace

void verify_processes(const Json& inspected, std::vector<Proof>& proofs) {
    const std::string count = word(inspected, {"examined"});
    const Json& outside = member(inspected, {"outside"});
    add_proof(proofs, "its processes are in its cgroup",
              is_empty_list(outside) && whole_number(count).value_or(0) > 0, "all of them",
              is_empty_list(outside) ? count + " processes" : named(outside, {"name", "cgroup"}));
    const Json& foreign = member(inspected, {"foreign"});
    add_proof(proofs, "no other process is in its cgroup", is_empty_list(foreign), "none",
              is_empty_list(foreign) ? "none" : "pid " + named(foreign, {"pid", "name"}));
    verify_namespaces(inspected, proofs);
    verify_identity(inspected, proofs);
    verify_limits(inspected, proofs);
    const Json& leaks = member(inspected, {"descriptors", "foreign"});
    add_proof(proofs, "no descriptor of the host's", is_empty_list(leaks), "none",
              is_empty_list(leaks) ? "none of " + word(inspected, {"descriptors", "examined"})
                                   : "pid, descriptor: " + named(leaks, {"pid", "fd", "target"}));
}

} // namespace sandbox::ctl
