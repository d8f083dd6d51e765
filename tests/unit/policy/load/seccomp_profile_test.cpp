#include "policy_folder.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

struct Wrong {
    const char* json;
    const char* error;
};

constexpr std::array kWrong{
    Wrong{"", "p:1: is not JSON: "},
    Wrong{"{\n\"defaultAction\": \n}", "p:3: is not JSON: "},
    Wrong{"[]", "p: the document: value an array: must be an object"},
    Wrong{"{}", "p: defaultAction: is missing"},
    Wrong{R"({"defaultAction": "SCMP_ACT_NOTIFY"})",
          "p: defaultAction: value \"SCMP_ACT_NOTIFY\": must be one of SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, "},
    Wrong{R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})",
          "p: defaultErrnoRet: value 1: is allowed beside SCMP_ACT_ERRNO alone"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096})",
          "p: defaultErrnoRet: value 4096: must be a whole number from 0 to 4095"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscall": []})",
          "p: syscall: unknown key; did you mean \"syscalls\"?"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultAction": "SCMP_ACT_ALLOW"})",
          "p: the key \"defaultAction\" stands twice in one object"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["x86"]})",
          "p: architectures[0]: value \"x86\": must be an architecture"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}})",
          "p: syscalls: value an object: must be an array"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]})",
          "p: syscalls[0].names: is missing"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [], "action": "SCMP_ACT_ALLOW"}]})",
          "p: syscalls[0].names: value an array: must be an array of 1 to"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["re ad"], "action": "SCMP_ACT_ALLOW"}]})",
        "p: syscalls[0].names[0]: value \"re ad\": must be the name of a system call"},
    Wrong{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "allow"}]})",
          "p: syscalls[0].action: value \"allow\": must be one of"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "arg": []}]})",
        "p: syscalls[0].arg: unknown key; did you mean \"args\"?"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]})",
        "p: syscalls[0].args[0].index: value 6: must be a whole number from 0 to 5"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]}]})",
        "p: syscalls[0].args[0].value: value -1: must be a whole number"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "EQ"}]}]})",
        "p: syscalls[0].args[0].op: value \"EQ\": must be one of SCMP_CMP_NE"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]})",
        "p: syscalls[0].args[0].valueTwo: value 2: must lie within the mask"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]})",
        "p: syscalls[0].args[1]: value an object: a rule compares each argument once at most"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}, {"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
        "p: syscalls[1]: value an object: names read, which another rule has"},
    Wrong{
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "read"], "action": "SCMP_ACT_ALLOW"}]})",
        "p: syscalls[0]: value an object: names read, which another rule has"},
};

} // namespace

TEST_CASE("every wrong profile is refused with the place in the document, the value and what is allowed") {
    for (const Wrong& wrong : kWrong) {
        INFO(wrong.json);
        const Error error = error_of([&] { parse_seccomp_profile(wrong.json, "p"); });
        CHECK(error.code() == Errc::invalid_argument);
        CHECK_THAT(error.what(), Catch::StartsWith(wrong.error));
    }
}

TEST_CASE("a deeply nested document is refused") {
    CHECK_THAT(error_of([] { parse_seccomp_profile(std::string(500'000, '['), "p"); }).what(),
               Catch::StartsWith("p: more than 16 brackets"));
}

TEST_CASE("every part of a profile is read") {
    const SeccompProfile profile = parse_seccomp_profile(R"({
        "comment": "x", "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
            {"comment": "y", "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
             "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 15, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}
        ]})",
                                                         "p");
    CHECK(profile.default_action == SeccompAction::error);
    CHECK(profile.default_errno == 38u);
    CHECK(profile.architectures == std::vector<std::string>{"SCMP_ARCH_X86_64"});
    REQUIRE(profile.rules.size() == 2);
    CHECK(profile.rules[0].names == std::vector<std::string>{"read", "write"});
    CHECK(profile.rules[0].action == SeccompAction::allow);
    CHECK(profile.rules[0].errno_value == std::nullopt);
    CHECK(profile.rules[1].errno_value == 97u);
    REQUIRE(profile.rules[1].arguments.size() == 2);
    CHECK(profile.rules[1].arguments[0].value == UINT64_MAX);
    CHECK(profile.rules[1].arguments[1].op == SeccompOperator::masked_equal);
    CHECK(profile.rules[1].arguments[1].value_two == 3);
    CHECK(profile.rules[1].arguments[1].index == 1);
}
