#include "launcher/records/expectations.hpp"
#include "sandbox/base/error.hpp"

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::launcher;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSession = "abcdefghijklmnop";

SandboxSpec plan() {
    SandboxSpec plan;
    plan.session = kSession;
    plan.uid = 1879048195;
    plan.address = "198.18.0.7";
    plan.near_address = "198.18.0.6";
    plan.cgroup = {{Group::session, "memory.max", "1024", "memory"},
                   {Group::payload, "pids.max", "10", "pids"}};
    plan.binds = {{"/host/secret-place", "/usr", true, false},
                  {"/dev/dri/card0", "/dev/dri/card0", false, true}};
    plan.tmpfs = {{"/work", 1_MiB, 100}, {"/dev/shm", 2_MiB, 10}};
    plan.masked_paths = {"/proc/keys"};
    plan.read_only_paths = {"/proc/sys"};
    plan.limits = {{RLIMIT_NOFILE, 256}, {RLIMIT_CORE, 0}};
    plan.environment = {"PASSWORD=swordfish"};
    plan.argv = {"ChimeraX", "--secret-argument"};
    return plan;
}

/// A site in a folder of the test's own.
struct Site {
    Site() {
        std::string name = (fs::temp_directory_path() / "promise-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw_errno("mkdtemp");
        environment.site.run_dir = name;
        fs::create_directories(name + "/sessions/" + kSession);
    }
    ~Site() {
        std::error_code ignored;
        fs::remove_all(environment.site.run_dir, ignored);
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    json read() const { return json::parse(read_expectations(environment, kSession)); }

    LauncherContext environment{{}, {}, {}, {}, {}, {}, {}, {}};
};

} // namespace

TEST_CASE("a promise tells every limit and mount, and nothing that a caller gave") {
    const std::string text = promise_json(plan(), ::getpid());
    for (const char* secret : {"swordfish", "secret-argument", "secret-place"})
        CHECK(text.find(secret) == std::string::npos);
    const json promise = json::parse(text);
    CHECK(promise["host_uid"] == 1879048195);
    CHECK(promise["cgroup"][1] ==
          json{{"group", "payload"}, {"file", "pids.max"}, {"value", "10"}, {"controller", "pids"}});
    rlimit own{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &own) == 0);
    CHECK(promise["limits"][0] == json{{"name", "Max open files"}, {"value", 256}, {"given", own.rlim_cur}});
    CHECK(promise["binds"][1] == json{{"target", "/dev/dri/card0"}, {"device", true}});
    json targets = json::object();
    for (const json& mount : promise["mounts"])
        targets[mount["target"].get<std::string>()] = mount;
    CHECK(targets.size() == 6);
    CHECK(targets["/"]["options"] == json{"ro", "nosuid", "nodev"});
    CHECK(targets["/proc/sys"]["options"][0] == "ro");
    CHECK(targets["/work"]["size_bytes"] == 1048576);
    CHECK(targets["/dev/shm"]["options"] == json{"rw", "nosuid", "nodev", "noexec"});
}

TEST_CASE("a promise is kept for root alone, and follows limits that are changed") {
    const Site site;
    CHECK(read_expectations(site.environment, kSession).empty());
    change_expectations(site.environment, kSession, {{Group::session, "memory.max", "1", "memory"}});
    CHECK(read_expectations(site.environment, kSession).empty()); // none is made up
    write_expectations(site.environment, plan(), ::getpid());
    const auto mode =
        fs::status(site.environment.site.run_dir + "/sessions/" + kSession + "/promise.json").permissions();
    CHECK(mode == (fs::perms::owner_read | fs::perms::owner_write));
    change_expectations(
        site.environment, kSession,
        {{Group::session, "memory.max", "2048", "memory"}, {Group::session, "memory.high", "max", "memory"}});
    const json promise = site.read();
    json values = json::object();
    for (const json& setting : promise["cgroup"])
        values[setting["file"].get<std::string>()] = setting["value"];
    CHECK(values == json{{"memory.max", "2048"}, {"memory.high", "max"}, {"pids.max", "10"}});
    CHECK(promise["mounts"] == json::parse(promise_json(plan(), ::getpid()))["mounts"]);
}
