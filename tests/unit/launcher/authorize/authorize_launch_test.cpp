#include "launcher/authorize/authorize_launch.hpp"
#include "unit/policy/policy_folder.hpp"

#include <filesystem>

using namespace sandbox;
using namespace sandbox::launcher;
using sandbox::policy::test::error_of;
using sandbox::policy::test::PolicyFolder;
namespace fs = std::filesystem;

namespace {

/// A site with the policies `open` and `other`, of which the tenant acme may use the first, and a ChimeraX.
struct Site {
    PolicyFolder folder;
    policy::Site site;

    Site() {
        const std::string program = folder.path() + "/chimerax/bin/ChimeraX";
        fs::create_directories(fs::path(program).parent_path());
        write_file_atomically(program, "#!/bin/sh\n", 0755);
        const std::string text = "[chimerax]\nexecutable = \"" + program +
                                 "\"\n[override]\nmemory_max = \"8G\"\nenvironment = [\"NAME\"]\n";
        folder.write("open.toml", text);
        folder.write("other.toml", text);
        folder.write("broken.toml", "nothing = 1\n");
        fs::create_directory(folder.path() + "/tenants");
        folder.write("tenants/acme.toml", "max_sessions = 2\npolicies = [\"open\", \"broken\"]\n");
        site.policies_dir = folder.path();
        site.vendor_policies_dir = {};
        site.tenants_dir = folder.path() + "/tenants";
    }

    Rules rules() const { return Rules(policy::read_rulebook(site, policy::Trust::any_owner)); }
    /// As a manager that means well asks.
    protocol::Launch request() const {
        protocol::Launch launch;
        launch.session = "aaaaaaaaaaaaaaaa";
        launch.slot = 3;
        launch.tenant = "acme";
        launch.policy = "open";
        launch.digest = rules().policy("open").policy.digest;
        return launch;
    }
    LaunchPlan authorize(const protocol::Launch& launch) const {
        return authorize_launch(site, rules(), launch);
    }
    Error refusal(const protocol::Launch& launch) const {
        return error_of([&] { authorize(launch); });
    }
};

} // namespace

TEST_CASE("a request that the tenant's policy allows is a whole plan") {
    const Site site;
    protocol::Launch launch = site.request();
    launch.memory_max = 2_GiB;
    launch.environment = {{"NAME", "value"}};
    const LaunchPlan plan = site.authorize(launch);
    CHECK(plan.tenant.name == "acme");
    CHECK(plan.spec.session == launch.session);
    CHECK(plan.spec.policy == "open");
    CHECK(std::ranges::count(plan.spec.environment, "NAME=value") == 1);
    CHECK(std::ranges::any_of(plan.spec.cgroup, [](const CgroupSetting& setting) {
        return setting.file == "memory.max" && setting.value == std::to_string((2_GiB).value);
    }));
}

TEST_CASE("a policy that the manager knows as another one is refused") {
    const Site site;
    protocol::Launch launch = site.request();
    launch.digest.back() = launch.digest.back() == '0' ? '1' : '0';
    const Error error = site.refusal(launch);
    CHECK(error.code() == Errc::conflict);
    CHECK(error.field() == "digest");
}

TEST_CASE("a tenant uses its own policies alone, whatever the manager says") {
    const Site site;
    protocol::Launch launch = site.request();
    launch.policy = "other";
    launch.digest = site.rules().policy("other").policy.digest;
    CHECK(site.refusal(launch).code() == Errc::denied);
}

TEST_CASE("no override goes beyond the policy's ceiling, or to what the policy does not name") {
    const Site site;
    protocol::Launch launch = site.request();
    SECTION("memory") {
        launch.memory_max = 9_GiB;
    }
    SECTION("processes, which have no ceiling") {
        launch.pids_max = 1'000'000;
    }
    SECTION("a variable that no caller may set") {
        launch.environment = {{"LD_PRELOAD", "/work/evil.so"}};
    }
    CHECK(site.refusal(launch).code() == Errc::denied);
}

TEST_CASE("what is not there, or whose file is wrong, is nobody's policy") {
    const Site site;
    protocol::Launch launch = site.request();
    SECTION("a policy") {
        launch.policy = "none";
        CHECK(site.refusal(launch).code() == Errc::not_found);
    }
    SECTION("a tenant") {
        launch.tenant = "nobody";
        CHECK(site.refusal(launch).code() == Errc::not_found);
    }
    SECTION("a policy with a mistake") {
        launch.policy = "broken";
        CHECK(site.refusal(launch).code() == Errc::invalid_argument);
    }
}

TEST_CASE("names that would lead to another file are no names") {
    const Site site;
    for (const char* name : {"", "../open", "open/../other", "seccomp/chimerax", "Open", ".open"}) {
        INFO(name);
        protocol::Launch launch = site.request();
        launch.policy = name;
        CHECK(site.refusal(launch).code() == Errc::invalid_argument);
        launch = site.request();
        launch.tenant = name;
        CHECK(site.refusal(launch).code() == Errc::invalid_argument);
    }
}

TEST_CASE("a slot beyond the site's has no address and no uid") {
    const Site site;
    protocol::Launch launch = site.request();
    launch.slot = static_cast<std::uint32_t>(site.site.slots);
    CHECK(site.refusal(launch).code() == Errc::invalid_argument);
}

TEST_CASE("a probe looks at another policy's ChimeraX, and can override and publish nothing") {
    const Site site;
    protocol::Launch launch = site.request();
    launch.tenant = launch.policy = kProbe;
    launch.probe_of = "open";
    const LaunchPlan plan = site.authorize(launch);
    CHECK(plan.tenant.name == kProbe);
    CHECK(plan.spec.policy == kProbe);
    CHECK_FALSE(plan.spec.publish);
    SECTION("its limits are its policy's") {
        launch.memory_max = 1_GiB;
        CHECK(site.refusal(launch).code() == Errc::denied);
    }
    SECTION("no tenant is called so") {
        launch.tenant = "acme";
        CHECK(site.refusal(launch).code() != Errc::internal);
    }
    SECTION("and no policy") {
        launch.policy = "open";
        CHECK(site.refusal(launch).code() == Errc::not_found);
    }
}
