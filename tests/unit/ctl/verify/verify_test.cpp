#include "ctl/verify/verify.hpp"
#include "ctl/verify/verify_text.hpp"
#include "facts.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;
using test::good_facts;

namespace {

std::map<std::string, Proof> broken(const Json& facts) {
    std::map<std::string, Proof> found;
    for (const Proof& proof : verify(facts))
        if (proof.held == Held::no)
            found.emplace(proof.promise, proof);
    return found;
}

/// Broken by `change`, exactly that promise does not hold.
void check_breaks(const std::string& promise, const std::function<void(Json&)>& change) {
    Json facts = good_facts();
    change(facts);
    const auto found = broken(facts);
    CAPTURE(promise);
    for (const auto& [name, proof] : found) {
        CAPTURE(proof.expected, proof.found);
        CHECK(name == promise);
    }
    CHECK(found.size() == 1);
}

/// Sets a member by its JSON pointer.
std::function<void(Json&)> set(const std::string& pointer, Json value) {
    return [pointer, value = std::move(value)](Json& facts) {
        Json::json_pointer at(pointer);
        REQUIRE(facts.contains(at));
        facts[at] = value;
    };
}

Json extra_mount(const char* target, const char* options) {
    return {{"target", target}, {"root", "/"}, {"options", options}, {"type", "tmpfs"}, {"super", "rw"}};
}

} // namespace

TEST_CASE("a sandbox as it was promised breaks no promise") {
    CHECK(broken(good_facts()).empty());
    CHECK(verify(good_facts()).size() > 40);
}

TEST_CASE("each fact that is not as promised breaks exactly its promise") {
    check_breaks("memory.max", set("/cgroup/files/memory.max", "8589934592"));
    check_breaks("memory.max", set("/cgroup/files/memory.max", "max"));
    check_breaks("cpu.max", set("/cgroup/files/cpu.max", "max 100000"));
    check_breaks("payload/pids.max", set("/cgroup/payload/pids.max", "max"));
    check_breaks("payload/memory.oom.group", set("/cgroup/payload/memory.oom.group", "0"));
    check_breaks("groups below its cgroup", set("/cgroup/below", {"init", "payload", "payload/x"}));
    check_breaks("its processes are in its cgroup",
                 set("/outside", Json::array({{{"pid_inside", 3}, {"name", "x"}, {"cgroup", "/else"}}})));
    check_breaks("no other process is in its cgroup",
                 set("/foreign", Json::array({{{"pid", 3}, {"name", "x"}}})));
    for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
        const std::string name = kind;
        check_breaks(name + " namespace", set("/namespaces/" + name + "/private", false));
        check_breaks(name + " namespace", set("/confinement/0/as/namespaces/" + name, name + ":[1]"));
    }
    check_breaks("net namespace", set("/gateway", good_facts()["namespaces"]["net"]["id"]));
    check_breaks("uid", set("/confinement/0/as/uid", "1879048192 0 1879048192 1879048192"));
    check_breaks("gid", set("/confinement/0/as/gid", "0 0 0 0"));
    check_breaks("further groups", set("/confinement/0/as/groups", "27"));
    check_breaks("uid map", set("/confinement/0/as/uid_map", "0 0 4294967295"));
    check_breaks("gid map", set("/confinement/0/as/gid_map", "1000 1879048193 1"));
    check_breaks("setgroups", set("/confinement/0/as/setgroups", "allow"));
    check_breaks("no_new_privs", set("/confinement/0/as/no_new_privs", "0"));
    check_breaks("seccomp mode", set("/confinement/0/as/seccomp", "0"));
    for (const char* kind : {"inheritable", "permitted", "effective", "bounding", "ambient"})
        check_breaks("capabilities, " + std::string(kind),
                     set("/confinement/0/as/capabilities/" + std::string(kind), "0000000000000001"));
    check_breaks("nested user namespaces", set("/nested_user_namespaces", "1"));
    check_breaks("Max open files", set("/highest_limits/Max open files", "4097"));
    check_breaks("Max open files", set("/promise/limits/0/given", 256));
    check_breaks("Max core file size", set("/highest_limits/Max core file size", "unlimited"));
    check_breaks("oom_score_adj", set("/lowest_oom_score_adj", -1000));
    check_breaks("no descriptor of the host's",
                 set("/descriptors/foreign", Json::array({{{"pid", 1}, {"fd", 9}, {"target", "/"}}})));
    check_breaks("mount /", set("/mounts/0/options", "rw,nosuid,nodev,relatime"));
    check_breaks("mount /work", set("/mounts/4/super", "rw,size=2097152k,nr_inodes=65536"));
    check_breaks("mount /work", set("/mounts/4/super", "rw,size=1048576k"));
    check_breaks("mount /work", set("/mounts/4/type", "ext4"));
    check_breaks("mounts of what the policy shows", set("/mounts/1/options", "rw,nosuid,nodev"));
    check_breaks("mounts of what the policy shows", set("/mounts/2/options", "ro,nodev"));
    check_breaks("mounts of what the policy shows", set("/mounts/3/options", "rw"));
    check_breaks("masks in /proc", set("/mounts/6/options", "rw,nosuid"));
    check_breaks("masks in /proc", set("/mounts/7/root", "/random"));
    check_breaks("interfaces", set("/addresses/interfaces", {"lo", "eth0", "eth1"}));
    check_breaks("interfaces", set("/addresses/interfaces", {"lo"}));
    check_breaks("addresses", set("/addresses/addresses", {"127.0.0.1", "198.18.0.1", "10.0.0.1"}));
    check_breaks("addresses", set("/addresses/addresses", {"127.0.0.1", "198.18.0.3"}));
    check_breaks("IPv6 addresses", set("/addresses/ipv6", "00000000000000000000000000000001 01 80 10 80 lo"));
    check_breaks("routes", set("/addresses/routes/0/via", "198.18.0.0"));
    check_breaks("routes", set("/addresses/routes", Json::array()));
    check_breaks("routing tables", set("/addresses/tables", {"Id 77", "Local", "Main"}));
    check_breaks("published port", set("/published/bound", "0.0.0.0:40001"));
    check_breaks("published port", set("/published/bound", nullptr));
    check_breaks("published port", set("/promise/publish", false));
    check_breaks("nothing is left out", set("/more", true));
    check_breaks("nothing is left out", set("/truncated", true));
}

TEST_CASE("a process that is confined in another way is named") {
    Json facts = good_facts();
    Json other = facts["confinement"][0];
    other["as"]["seccomp"] = "0";
    other["pids"] = {77};
    facts["confinement"].push_back(other);
    const auto found = broken(facts);
    REQUIRE(found.size() == 1);
    CHECK(found.at("seccomp mode").found == "0 (pid 77)");
}

TEST_CASE("mounts that were added, covered or taken away are seen") {
    const auto add = [](Json mount) {
        return [mount = std::move(mount)](Json& facts) { facts["mounts"].push_back(mount); };
    };
    check_breaks("no other mounts", add(extra_mount("/var/empty", "ro,nosuid,nodev")));
    check_breaks("no other mounts", add(extra_mount("/usrlocal", "ro,nosuid,nodev")));
    check_breaks("no other mounts", add(extra_mount("/work/x", "ro,nosuid,nodev")));
    check_breaks("no other mounts", add(extra_mount("/dev/nvidia0/x", "ro,nosuid,nodev")));
    check_breaks("mount /work", add(extra_mount("/work", "rw,nosuid,nodev")));
    check_breaks("mounts of what the policy shows", add(extra_mount("/usr", "ro,nosuid,nodev")));
    check_breaks("masks in /proc", [](Json& facts) { facts["mounts"].erase(7); });
    check_breaks("mount /work", [](Json& facts) { facts["mounts"].erase(4); });
}

TEST_CASE("a path that mountinfo writes in another way is the same path") {
    Json facts = good_facts();
    facts["promise"]["binds"].push_back({{"target", "/opt/a b\\c"}, {"device", false}});
    Json mount = extra_mount("/opt/a\\040b\\134c", "ro,nosuid,nodev");
    facts["mounts"].push_back(mount);
    CHECK(broken(facts).empty());
}

TEST_CASE("what a best-effort policy cannot have on this host is named, and is no failure") {
    Json facts = good_facts();
    facts["cgroup"]["files"].erase("memory.max");
    CHECK(broken(facts).contains("memory.max"));
    facts["not_enforced"] = {"memory.max: controller memory is missing"};
    CHECK(broken(facts).contains("memory.max")); // a strict policy promises it all the same
    facts["promise"]["strict"] = false;
    CHECK(broken(facts).empty());
    CHECK(verify(facts)[0].held == Held::not_enforced);
    // Where the limit is there after all, it is held against the promise.
    facts["cgroup"]["files"]["memory.max"] = "max";
    CHECK(broken(facts).contains("memory.max"));
}

TEST_CASE("an answer that lacks facts proves nothing") {
    // Each member that is missing breaks a promise: silence is no proof.
    const Json all = good_facts();
    for (const auto& [name, value] : all.items()) {
        static const std::vector<std::string> shown_only{
            "session", "tenant",          "policy",       "init_pid",     "pid",         "processes",
            "address", "uid_map",         "gid_map",      "uid",          "seccomp",     "timeline",
            "limits",  "seccomp_filters", "no_new_privs", "capabilities", "not_enforced"};
        if (std::ranges::find(shown_only, name) != shown_only.end())
            continue;
        Json facts = good_facts();
        facts.erase(name);
        CAPTURE(name);
        if (name == "promise") {
            CHECK_THROWS_AS(verify(facts), Error);
        } else if (name == "gateway") {
            CHECK(broken(facts).contains("net namespace"));
        } else {
            CHECK_FALSE(broken(facts).empty());
        }
    }
    CHECK_THROWS_AS(verify(Json::object()), Error);
    Json nobody = good_facts();
    nobody["confinement"] = Json::array();
    CHECK(broken(nobody).at("seccomp mode").found == "no process");
}

TEST_CASE("verify says what was expected and what was found, and what it was told by whom") {
    std::ostringstream out, err;
    const Terminal terminal{out, err};
    Json facts = good_facts();
    facts["cgroup"]["files"]["memory.max"] = "max\033[2J";
    const std::vector<Proof> proofs = verify(facts);
    const std::string text = verify_text(terminal, "abcdefghijklmnop", proofs, true, false);
    CHECK(text.find("FAIL  memory.max") != std::string::npos);
    CHECK(text.find("expected 4294967297; found max?[2J\n") != std::string::npos);
    CHECK(text.find("1 do not.\nThe launcher itself was asked.\n") != std::string::npos);
    CHECK(verify_text(terminal, "abcdefghijklmnop", proofs, false, false).find("The manager told") !=
          std::string::npos);
    const std::string failures = verify_text(terminal, "abcdefghijklmnop", proofs, true, true);
    CHECK(std::ranges::count(failures, '\n') == 1);
    const Json json = verify_json("abcdefghijklmnop", proofs, false);
    CHECK(json["holds"] == false);
    CHECK(json["source"] == "manager");
    CHECK(json["proofs"][0]["verdict"] == "failed");
}
