#include "policy_folder.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

#include <algorithm>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

const std::string kShipped = SHIPPED_POLICIES;

Policy shipped(const char* name) {
    return load_policy({kShipped}, name, Trust::any_owner);
}

bool shows(const Policy& policy, const std::string& path) {
    return std::ranges::any_of(policy.filesystem.binds,
                               [&](const Bind& bind) { return bind.target == path; });
}

} // namespace

TEST_CASE("all shipped policies load, with a description") {
    const std::vector<std::string> names = list_policies({kShipped});
    CHECK(names == std::vector<std::string>{"batch", "default", "strict"});
    for (const std::string& name : names) {
        const Policy policy = load_policy({kShipped}, name, Trust::any_owner);
        CHECK_FALSE(policy.description.empty());
        CHECK(policy.resources.enforcement == Enforcement::strict);
        CHECK(policy.resources.cpus.has_value());
        CHECK(shows(policy, "/usr"));
    }
}

TEST_CASE("all shipped seccomp profiles load") {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kShipped + "/seccomp")) {
        const std::string path = entry.path();
        CHECK_FALSE(parse_seccomp_profile(read_file(path), path).rules.empty());
        ++count;
    }
    CHECK(count > 0);
}

TEST_CASE("the example tenants load and use shipped policies") {
    const std::vector<std::string> tenants = list_tenants(kShipped + "/tenants.example");
    CHECK_FALSE(tenants.empty());
    for (const std::string& name : tenants)
        for (const std::string& policy :
             load_tenant(kShipped + "/tenants.example", name, Trust::any_owner).policies)
            CHECK_NOTHROW(load_policy({kShipped}, policy, Trust::any_owner));
}

TEST_CASE("the strict policy is smaller than the default one, unpublished, and lets callers change nothing") {
    const Policy strict = shipped("strict");
    const Policy normal = shipped("default");
    CHECK(strict.resources.memory_max < normal.resources.memory_max);
    CHECK(*strict.resources.cpus < *normal.resources.cpus);
    CHECK(strict.resources.pids_max < normal.resources.pids_max);
    CHECK(strict.publish == Publish::none);
    CHECK(normal.publish == Publish::loopback);
    CHECK(strict.override_ceilings == Ceilings{});
    CHECK(strict.filesystem.binds == normal.filesystem.binds);
}

TEST_CASE("the shipped policies show nothing of the host's secrets") {
    const Policy policy = shipped("default");
    for (const Bind& bind : policy.filesystem.binds)
        for (const char* secret :
             {"/etc/shadow", "/etc/ssl/private/key", "/root/.ssh", "/var/lib/x", "/home/x", "/etc/passwd"})
            CHECK_FALSE(std::string(secret).starts_with(bind.source));
}
