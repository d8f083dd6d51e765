#include "ctl/policy/narrow_profile.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

const Json kProfile = Json::parse(R"({
  "comment": "of a test",
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 1,
  "syscalls": [
    {"names": ["read", "write", "mremap"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["mlock"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
    {"names": ["clone3", "mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["exit_group", "rt_sigreturn"], "action": "SCMP_ACT_ALLOW"}
  ]
})");

} // namespace

TEST_CASE("of what is allowed, what was used stays, with its arguments") {
    const Learned learned = narrow_profile(kProfile, {{"read", 3}, {"clone", 1}});
    CHECK(learned.narrowed["syscalls"] == Json::parse(R"([
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
    {"names": ["clone3", "mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["exit_group", "rt_sigreturn"], "action": "SCMP_ACT_ALLOW"}
  ])"));
    CHECK(learned.unused == std::vector<std::string>{"mlock", "mremap", "write"});
    CHECK(learned.narrowed["defaultAction"] == "SCMP_ACT_ERRNO");
    CHECK(learned.narrowed["comment"] == "of a test");
}

TEST_CASE("what is not in the profile does not come into it by being used") {
    CHECK(narrow_profile(kProfile, {{"ptrace", 1}}).narrowed.dump().find("ptrace") == std::string::npos);
}

TEST_CASE("a profile that refuses by name becomes one that allows by name") {
    const Json profile = Json::parse(R"({
      "defaultAction": "SCMP_ACT_ALLOW",
      "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]})");
    const Learned learned = narrow_profile(profile, {{"read", 3}, {"mount", 1}});
    CHECK(learned.narrowed["defaultAction"] == "SCMP_ACT_ERRNO");
    CHECK(learned.narrowed["syscalls"] == Json::parse(R"([
      {"names": ["mount"], "action": "SCMP_ACT_ERRNO"},
      {"names": ["exit", "exit_group", "restart_syscall", "rt_sigreturn", "read"], "action": "SCMP_ACT_ALLOW"}])"));
    CHECK(learned.unused.empty());
    // It was allowed for some arguments, which the rules that refuse do not tell of.
    CHECK(learned.lost == std::vector<std::string>{"mount"});
}

TEST_CASE("what comes out can be used again") {
    for (const Json& allowed : {Json::object(), Json{{"read", 1}}}) {
        const std::string text = narrow_profile(kProfile, allowed).narrowed.dump();
        CHECK_NOTHROW(policy::parse_seccomp_profile(text, "narrowed"));
    }
}
