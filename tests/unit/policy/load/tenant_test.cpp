#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

Tenant load(const PolicyFolder& folder, const std::string& text) {
    folder.write("acme.toml", text);
    return load_tenant(folder.path(), "acme", Trust::any_owner);
}

std::string wrong(const std::string& text) {
    const PolicyFolder folder;
    const Error error = error_of([&] { load(folder, text); });
    CHECK(error.code() == Errc::invalid_argument);
    return folder.without_path(error.what());
}

} // namespace

TEST_CASE("every field of a tenant is read") {
    const std::string hash(64, 'a');
    const Tenant tenant = load(PolicyFolder(), R"(
description = "Acme"
memory_max = "32G"
cpus = 8
pids_max = 4096
cpu_weight = 50
max_sessions = 3
policies = ["default", "strict"]
users = ["alice", 1000, "1001"]
token_hashes = [")" + hash + "\"]");
    CHECK(tenant == Tenant{"acme",
                           "Acme",
                           32_GiB,
                           8.0,
                           4096,
                           50,
                           3,
                           {"default", "strict"},
                           {"alice", "1000", "1001"},
                           {hash}});
}

TEST_CASE("a tenant needs its policies alone") {
    const Tenant tenant = load(PolicyFolder(), "policies = [\"default\"]");
    CHECK(tenant == Tenant{"acme", "", {}, {}, {}, 100, 16, {"default"}, {}, {}});
}

TEST_CASE("a wrong tenant file is refused with position, field, value and what is allowed") {
    using Catch::StartsWith;
    CHECK_THAT(wrong(""),
               StartsWith("acme.toml:1:1: policies: is missing: must be an array of 1 to 64 items"));
    CHECK_THAT(wrong("policies = []"),
               StartsWith("acme.toml:1:12: policies: has 0 items: must be an array of 1 to 64"));
    CHECK_THAT(wrong("policies = [\"a b\"]"),
               StartsWith("acme.toml:1:13: policies[0]: value \"a b\": must be a policy's name"));
    CHECK_THAT(wrong("policies = [\"probe\"]"),
               StartsWith("acme.toml:1:13: policies[0]: value \"probe\": must not be"));
    CHECK_THAT(wrong("policies = [\"a\"]\nmax_session = 1"),
               StartsWith("acme.toml:2:1: max_session: unknown key; did you mean \"max_sessions\"?"));
    CHECK_THAT(wrong("policies = [\"a\"]\nusers = [-1]"),
               StartsWith("acme.toml:2:10: users[0]: value -1: must be a user's name"));
    CHECK_THAT(wrong("policies = [\"a\"]\nusers = [\"99999999999\"]"),
               StartsWith("acme.toml:2:10: users[0]: value \"99999999999\": must be"));
    CHECK_THAT(wrong("policies = [\"a\"]\nusers = [\"4294967295\"]"),
               StartsWith("acme.toml:2:10: users[0]: value"));
    CHECK_THAT(
        wrong("policies = [\"a\"]\ncpus = \"some\""),
        StartsWith("acme.toml:2:8: cpus: value \"some\": must be a number from 0.01 to 1024, or \"none\""));
}

TEST_CASE("what stands in place of a token's hash is not shown: it may be the token") {
    const std::string text = wrong("policies = [\"a\"]\ntoken_hashes = [\"my-secret-token\"]");
    CHECK(text == "acme.toml:2:17: token_hashes[0]: must be 64 characters of 0-9 and a-f");
}

TEST_CASE("a name that cannot be a tenant's is refused, and the error says why") {
    const PolicyFolder folder;
    const auto refused = [&](const std::string& name) {
        const Error error = error_of([&] { load_tenant(folder.path(), name, Trust::any_owner); });
        CHECK(error.code() == Errc::invalid_argument);
        return error.full();
    };
    CHECK_THAT(refused("a-b"), Catch::Contains("\"a-b\"") && Catch::Contains("1 to 32 of a-z, 0-9 and _") &&
                                   Catch::Contains("hierarchy in the name of a systemd slice"));
    refused("");
    refused("../x");
    refused("A");
    refused(std::string(33, 'a'));
    CHECK_THAT(refused("probe"), Catch::Contains("reserved"));
    const Error missing = error_of([&] { load_tenant(folder.path(), "nope", Trust::any_owner); });
    CHECK(missing.code() == Errc::not_found);
    CHECK_THAT(missing.what(), Catch::StartsWith("tenant nope: "));
}

TEST_CASE("tenants are listed by name, sorted, those too whose name is wrong: loading them says so") {
    const PolicyFolder folder;
    for (const char* name : {"b.toml", "a_1.toml", "a-b.toml", "probe.toml"})
        folder.write(name, "");
    CHECK(list_tenants(folder.path()) == std::vector<std::string>{"a-b", "a_1", "b"});
}
