#include "launcher/spec/sandbox_spec.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/cgroup.hpp"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::launcher;

namespace {

struct Fixture {
    policy::Site site;
    policy::Policy policy;
    policy::Tenant tenant;
    policy::SeccompProfile seccomp;
    chimerax::Installation installation{"/opt/chimerax/bin/ChimeraX", "/opt/chimerax", false};
    std::map<std::string, HostEntry> host{
        {"/usr", {.kind = HostEntry::Kind::directory}},
        {"/usr/share/fonts", {.kind = HostEntry::Kind::directory}},
        {"/opt/chimerax", {.kind = HostEntry::Kind::directory}},
        {"/bin",
         {.kind = HostEntry::Kind::link,
          .link_text = "usr/bin",
          .real_path = "/usr/bin",
          .real_path_is_directory = true}},
        {"/etc/localtime",
         {.kind = HostEntry::Kind::link,
          .link_text = "/usr/share/zoneinfo/UTC",
          .real_path = "/usr/share/zoneinfo/UTC"}},
        {"/broken", {.kind = HostEntry::Kind::link, .link_text = "/nowhere"}},
        {"/dev/dri/renderD128", {.kind = HostEntry::Kind::device}},
    };

    Fixture() {
        policy.name = "test";
        policy.resources.memory_max = 1_GiB;
        policy.resources.pids_max = 100;
        policy.filesystem.binds = {{"/usr", "/usr", false}, {"/bin", "/bin", false}};
        tenant.name = "acme";
    }
    SandboxSpec make(std::uint32_t slot = 0) const {
        return make_sandbox_spec({.site = site,
                                  .policy = policy,
                                  .tenant = tenant,
                                  .seccomp = seccomp,
                                  .installation = installation,
                                  .session = "aaaaaaaaaaaaaaaa",
                                  .slot = slot,
                                  .environment = {}},
                                 [this](const std::string& path) {
                                     const auto found = host.find(path);
                                     return found == host.end() ? HostEntry{} : found->second;
                                 });
    }
};

const CgroupSetting* setting(const SandboxSpec& plan, const std::string& file) {
    const auto found = std::ranges::find(plan.cgroup, file, &CgroupSetting::file);
    return found == plan.cgroup.end() ? nullptr : &*found;
}

bool has_environment(const SandboxSpec& plan, const std::string& entry) {
    return std::ranges::count(plan.environment, entry) == 1;
}

} // namespace

TEST_CASE("each slot has a uid, a link and two addresses that no other has") {
    const Fixture fixture;
    std::set<std::string> seen;
    std::set<std::uint32_t> uids;
    for (const std::uint32_t slot : {0U, 1U, 127U, 128U, 1023U}) {
        const SandboxSpec plan = fixture.make(slot);
        CHECK(uids.insert(plan.uid).second);
        CHECK(seen.insert(plan.link).second);
        CHECK(seen.insert(plan.address).second);
        CHECK(seen.insert(plan.near_address).second);
    }
    CHECK(fixture.make(0).near_address == "198.18.0.0");
    CHECK(fixture.make(0).address == "198.18.0.1");
    CHECK(session_address(65535) == "198.19.255.255");
    CHECK(fixture.make(7).uid == 1879048199);
}

TEST_CASE("a slot beyond the site's is refused") {
    const Fixture fixture;
    CHECK_THROWS_WITH(fixture.make(1024), Catch::Contains("1024"));
}

TEST_CASE("localhost inside is the session's own address, and nothing else resolves") {
    const SandboxSpec plan = Fixture().make(3);
    const auto hosts = std::ranges::find(plan.files, "/etc/hosts", &GeneratedFile::path);
    REQUIRE(hosts != plan.files.end());
    CHECK(hosts->content == "198.18.0.7 localhost sandbox\n");
}

TEST_CASE("what scripts print comes out line by line, unless the policy has a start folder of its own") {
    Fixture fixture;
    SandboxSpec plan = fixture.make();
    CHECK(has_environment(plan, "CHIMERAX_START=/run/chimerax-start"));
    const auto script =
        std::ranges::find(plan.files, "/run/chimerax-start/output_by_line.py", &GeneratedFile::path);
    REQUIRE(script != plan.files.end());
    CHECK_THAT(script->content, Catch::Contains("reconfigure(line_buffering=True)"));
    fixture.policy.chimerax.environment["CHIMERAX_START"] = "/opt/start";
    plan = fixture.make();
    CHECK(has_environment(plan, "CHIMERAX_START=/opt/start"));
    CHECK_FALSE(has_environment(plan, "CHIMERAX_START=/run/chimerax-start"));
}

TEST_CASE(
    "Qt's runtime folder is a private one on the session's own tmpfs, unless the policy names another") {
    Fixture fixture;
    const SandboxSpec plan = fixture.make();
    CHECK(has_environment(plan, "XDG_RUNTIME_DIR=/tmp/runtime-chimerax"));
    CHECK(plan.private_directories == std::vector<std::string>{"/tmp/runtime-chimerax"});
    fixture.policy.chimerax.environment["XDG_RUNTIME_DIR"] = "/work/run";
    CHECK(has_environment(fixture.make(), "XDG_RUNTIME_DIR=/work/run"));
}

TEST_CASE("a link of the host's root stays a link, another becomes what it leads to") {
    Fixture fixture;
    fixture.policy.filesystem.binds.push_back({"/etc/localtime", "/etc/localtime", false});
    const SandboxSpec plan = fixture.make();
    CHECK(plan.symlinks == std::vector<Symlink>{{"/bin", "usr/bin"}});
    CHECK(std::ranges::count(plan.binds,
                             BindMount{"/usr/share/zoneinfo/UTC", "/etc/localtime", false, false}) == 1);
}

TEST_CASE("what the policy shows and the host lacks is an error, unless it is optional") {
    Fixture fixture;
    fixture.policy.filesystem.binds.push_back({"/missing", "/missing", true});
    CHECK_NOTHROW(fixture.make());
    fixture.policy.filesystem.binds.back().optional = false;
    CHECK_THROWS_MATCHES(fixture.make(), Error, Catch::Predicate<Error>([](const Error& error) {
                             return error.code() == Errc::not_found &&
                                    std::string(error.what()).find("/missing") != std::string::npos;
                         }));
    fixture.policy.filesystem.binds.back() = {"/broken", "/broken", false};
    CHECK_THROWS_WITH(fixture.make(), Catch::Contains("leads nowhere"));
}

TEST_CASE("ChimeraX's own tree is shown, once, and parents come before what lies in them") {
    Fixture fixture;
    fixture.policy.filesystem.binds.insert(fixture.policy.filesystem.binds.begin(),
                                           {"/usr/share/fonts", "/usr/share/fonts", false});
    const SandboxSpec plan = fixture.make();
    CHECK(std::ranges::count(plan.binds, "/opt/chimerax", &BindMount::target) == 1);
    const auto place = [&](const char* target) {
        return std::ranges::find(plan.binds, target, &BindMount::target) - plan.binds.begin();
    };
    CHECK(place("/usr") < place("/usr/share/fonts"));
    fixture.policy.filesystem.binds.push_back({"/opt/chimerax", "/opt/chimerax", false});
    CHECK(std::ranges::count(fixture.make().binds, "/opt/chimerax", &BindMount::target) == 1);
}

TEST_CASE("a tree that a private file system would cover is shown elsewhere, and executed there") {
    Fixture fixture;
    CHECK(fixture.make().argv.front() == "/opt/chimerax/bin/ChimeraX");
    fixture.installation = {"/home/build/cx/bin/ChimeraX", "/home/build/cx", false};
    fixture.host["/home/build/cx"] = {.kind = HostEntry::Kind::directory};
    const SandboxSpec plan = fixture.make();
    CHECK(std::ranges::count(plan.binds, BindMount{"/home/build/cx", "/opt/chimerax", true, false}) == 1);
    CHECK(plan.argv.front() == "/opt/chimerax/bin/ChimeraX");
    CHECK(plan.executable == "/home/build/cx/bin/ChimeraX");
}

TEST_CASE("only a device that the policy names is shown, and only a device") {
    Fixture fixture;
    CHECK(std::ranges::count(fixture.make().binds, true, &BindMount::device) == 0);
    fixture.policy.filesystem.devices = {"/dev/dri/renderD128"};
    CHECK(std::ranges::count(fixture.make().binds,
                             BindMount{"/dev/dri/renderD128", "/dev/dri/renderD128", false, true}) == 1);
    fixture.policy.filesystem.devices = {"/usr"};
    CHECK_THROWS_WITH(fixture.make(), Catch::Contains("/usr"));
}

TEST_CASE("limits become files of the right group, and of the controller that they need") {
    Fixture fixture;
    fixture.policy.resources.cpus = 0.5;
    const SandboxSpec plan = fixture.make();
    CHECK(*setting(plan, "memory.max") ==
          CgroupSetting{Group::session, "memory.max", "1073741824", "memory"});
    CHECK(*setting(plan, "cpu.max") == CgroupSetting{Group::session, "cpu.max", "50000 100000", "cpu"});
    CHECK(*setting(plan, "memory.oom.group") ==
          CgroupSetting{Group::payload, "memory.oom.group", "1", "memory"});
    CHECK(*setting(plan, "pids.max") == CgroupSetting{Group::payload, "pids.max", "100", "pids"});
    CHECK(setting(plan, "memory.high") == nullptr);
}

TEST_CASE("thread pools are told of a CPU limit that they cannot see") {
    Fixture fixture;
    CHECK_FALSE(has_environment(fixture.make(), "OMP_NUM_THREADS=1"));
    for (const auto& [cpus, threads] : {std::pair{0.5, "1"}, {1.0, "1"}, {1.5, "2"}, {4.0, "4"}}) {
        fixture.policy.resources.cpus = cpus;
        const SandboxSpec plan = fixture.make();
        CHECK(has_environment(plan, std::string("OMP_NUM_THREADS=") + threads));
        CHECK(has_environment(plan, std::string("LP_NUM_THREADS=") + threads));
    }
}

TEST_CASE("a policy's environment wins over the launcher's own") {
    Fixture fixture;
    fixture.policy.chimerax.environment = {{"LANG", "de_DE.UTF-8"}, {"X", "1"}};
    const SandboxSpec plan = fixture.make();
    CHECK(has_environment(plan, "LANG=de_DE.UTF-8"));
    CHECK(has_environment(plan, "X=1"));
    CHECK_FALSE(has_environment(plan, "LANG=C.UTF-8"));
}

TEST_CASE("a file that the policy binds is not made as well") {
    Fixture fixture;
    fixture.host["/etc/hosts"] = {.kind = HostEntry::Kind::file};
    fixture.policy.filesystem.binds.push_back({"/etc/hosts", "/etc/hosts", false});
    CHECK(std::ranges::count(fixture.make().files, "/etc/hosts", &GeneratedFile::path) == 0);
}
