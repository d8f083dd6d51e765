#include "policy_folder.hpp"
#include "sandbox/policy/loaded_policy.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

const PolicyFolders kNowhere{"/nonexistent"};

struct Wrong {
    const char* text;
    const char* error; ///< its beginning
};

constexpr std::array kWrong{
    // Keys that nobody knows
    Wrong{"[resources]\ncpu = 2", "test.toml:2:1: resources.cpu: unknown key; did you mean \"cpus\"?"},
    Wrong{"[resource]\ncpus = 2", "test.toml:1:2: resource: unknown key; did you mean \"resources\"?"},
    Wrong{
        "colour = 1",
        "test.toml:1:1: colour: unknown key; known here: admission, audit, chimerax, description, extends, "},
    Wrong{"[filesystem]\nbinds = [{ source = \"/opt\", optionl = true }]",
          "test.toml:2:29: filesystem.binds[0].optionl: unknown key; did you mean \"optional\"?"},
    // Types
    Wrong{"[resources]\ncpus = \"x\"",
          "test.toml:2:8: resources.cpus: value \"x\": must be a number from 0.01 to 1024, or \"none\""},
    Wrong{"[resources]\npids_max = 1.5",
          "test.toml:2:12: resources.pids_max: value 1.5: must be a whole number from 1 to 4194304"},
    Wrong{"resources = 4", "test.toml:1:13: resources: value 4: must be a table"},
    Wrong{"[chimerax]\nstart_timeout = 30", "test.toml:2:17: chimerax.start_timeout: value 30: must be a "
                                            "span of time from 100ms to 1h, as \"30s\""},
    Wrong{"[chimerax]\narguments = [\"--debug\", 1]",
          "test.toml:2:25: chimerax.arguments[1]: value 1: must be a string"},
    Wrong{"[chimerax.environment]\nA = 1",
          "test.toml:2:5: chimerax.environment.A: value 1: must be a string"},
    Wrong{"[filesystem]\nbinds = \"/usr\"",
          "test.toml:2:9: filesystem.binds: value \"/usr\": must be an array of at most 256 items"},
    Wrong{"[filesystem]\nbinds = [{ source = \"/opt\", optional = 1 }]",
          "test.toml:2:40: filesystem.binds[0].optional: value 1: must be true or false"},
    Wrong{"[filesystem]\nbinds = [[\"/usr\"]]", "test.toml:2:10: filesystem.binds[0]: value an array: must "
                                                "be an absolute path without . or .. parts, or "
                                                "a table"},
    Wrong{"description = 1979-05-27", "test.toml:1:15: description: value a date or time: must be one line"},
    // Ranges
    Wrong{"[resources]\ncpus = 0",
          "test.toml:2:8: resources.cpus: value 0: must be a number from 0.01 to 1024"},
    Wrong{"[resources]\ncpus = -1.0", "test.toml:2:8: resources.cpus: value -1: must be"},
    Wrong{"[resources]\ncpus = nan", "test.toml:2:8: resources.cpus: value nan: must be"},
    Wrong{"[resources]\ncpus = 1024.5", "test.toml:2:8: resources.cpus: value 1024.5: must be"},
    Wrong{"[resources]\ncpus = inf", "test.toml:2:8: resources.cpus: value inf: must be"},
    Wrong{"[resources]\nmemory_max = \"1M\"", "test.toml:2:14: resources.memory_max: value \"1M\": must be a "
                                              "size from 4M to 16T, as \"512M\" or \"4G\""},
    Wrong{"[resources]\nmemory_max = -4096",
          "test.toml:2:14: resources.memory_max: value -4096: must be a size"},
    Wrong{"[resources]\nmemory_max = \"4 apples\"",
          "test.toml:2:14: resources.memory_max: value \"4 apples\": must be a size"},
    Wrong{"[resources]\nmemory_max = \"99999999999G\"",
          "test.toml:2:14: resources.memory_max: value \"99999999999G\": must be a size"},
    Wrong{"[resources]\npids_max = 9223372036854775807",
          "test.toml:2:12: resources.pids_max: value 9223372036854775807: must be a whole number"},
    Wrong{"[filesystem.tmp]\nsize = \"0\"",
          "test.toml:2:8: filesystem.tmp.size: value \"0\": must be a size from 64K to 16T"},
    Wrong{"[filesystem.tmp]\ninodes = 0",
          "test.toml:2:10: filesystem.tmp.inodes: value 0: must be a whole number from 16 to 16777216"},
    Wrong{"[chimerax]\ngrace = \"11m\"",
          "test.toml:2:9: chimerax.grace: value \"11m\": must be a span of time from 0s to 10m"},
    // Words and patterns
    Wrong{"[network]\npublish = \"world\"",
          "test.toml:2:11: network.publish: value \"world\": must be \"none\" or \"loopback\""},
    Wrong{"[resources]\nenforcement = \"lax\"",
          "test.toml:2:15: resources.enforcement: value \"lax\": must be \"strict\" or \"best-effort\""},
    Wrong{"description = \"two\\nlines\"",
          "test.toml:1:15: description: value \"two\\x0alines\": must be one line"},
    Wrong{"[seccomp]\nprofile = \"../x\"",
          "test.toml:2:11: seccomp.profile: value \"../x\": must be a profile's name"},
    Wrong{"[chimerax.environment]\n\"A=B\" = \"1\"",
          "test.toml:2:1: chimerax.environment.A=B: the name must be a name of at most 128 letters"},
    Wrong{"[chimerax.environment]\nA = \"a\\u0000b\"",
          "test.toml:2:5: chimerax.environment.A: value \"a\\x00b\": must be a string of at most 4096 bytes "
          "without NUL"},
    Wrong{"[override]\nenvironment = [\"A-B\"]",
          "test.toml:2:16: override.environment[0]: value \"A-B\": must be a name of letters"},
    Wrong{"[override]\nenvironment = [\"*\"]",
          "test.toml:2:16: override.environment[0]: value \"*\": must be a name of letters"},
    // Paths
    Wrong{"[chimerax]\nexecutable = \"bin/ChimeraX\"",
          "test.toml:2:14: chimerax.executable: value \"bin/ChimeraX\": must be an absolute path"},
    Wrong{"[filesystem]\nbinds = [\"/usr\", \"/opt/../etc\"]",
          "test.toml:2:18: filesystem.binds[1]: value \"/opt/../etc\": must be an absolute path"},
    Wrong{"[filesystem]\nbinds = [\"/opt/\"]",
          "test.toml:2:10: filesystem.binds[0]: value \"/opt/\": must be"},
    Wrong{"[filesystem]\nbinds = [{ target = \"/opt\" }]",
          "test.toml:2:10: filesystem.binds[0]: has no source"},
    Wrong{"[filesystem]\ndevices = [\"/etc/passwd\"]",
          "test.toml:2:12: filesystem.devices[0]: value \"/etc/passwd\": must be the path of a device node"},
    Wrong{"[filesystem]\ndevices = [\"/dev/../etc/x\"]", "test.toml:2:12: filesystem.devices[0]: value"},
    Wrong{"[filesystem]\ndevices = [\"/dev/kvm\", \"/dev/kvm\"]",
          "test.toml:2:24: filesystem.devices[1]: is the same as filesystem.devices[0]"},
    // What TOML itself forbids
    Wrong{"[resources\ncpus = 2", "test.toml:1:11: "},
    Wrong{"cpus = ", "test.toml:1:"},
    Wrong{"extends = \"a\"\nextends = \"b\"", "test.toml:2:"},
    Wrong{"description = \"\xff\xfe\"", "test.toml:1:"},
};

} // namespace

TEST_CASE("every wrong policy is refused with the position, the field, the value and what is allowed") {
    const PolicyFolder folder;
    for (const Wrong& wrong : kWrong) {
        INFO(wrong.text);
        const Error error = error_of([&] { folder.load_text(wrong.text); });
        CHECK(error.code() == Errc::invalid_argument);
        CHECK_THAT(folder.without_path(error.what()), Catch::StartsWith(wrong.error));
    }
}

TEST_CASE("an error names its field in dotted form") {
    const PolicyFolder folder;
    CHECK(error_of([&] { folder.load_text("[resources]\ncpus = \"x\""); }).field() == "resources.cpus");
    CHECK(error_of([&] { folder.load_text("[resources]\ncpux = 1"); }).field() == "resources.cpux");
}

TEST_CASE("an empty policy has the schema's defaults") {
    const PolicyFolder folder;
    const Policy policy = folder.load_text("");
    CHECK(policy.name == "test");
    CHECK(policy.resources.memory_max == 4_GiB);
    CHECK(policy.resources.memory_high == std::nullopt);
    CHECK(policy.resources.cpus == std::nullopt);
    CHECK(policy.resources.pids_max == 512);
    CHECK(policy.chimerax.executable == std::nullopt);
    CHECK(policy.chimerax.command_timeout == std::chrono::minutes(30));
    CHECK(policy.lifecycle == Lifecycle{});
    CHECK(policy.recovery == Recovery{0, Duration(600'000), std::nullopt});
    CHECK(policy.admission == PolicyAdmission{});
    CHECK(policy.filesystem.binds.empty());
    CHECK(policy.filesystem.shm == Tmpfs{64_MiB, 1024});
    CHECK(policy.publish == Publish::none);
    CHECK(policy.seccomp_profile == "chimerax");
    CHECK(policy.override_ceilings == Ceilings{});
}

TEST_CASE("every field of a policy is read") {
    const PolicyFolder folder;
    folder.write("seccomp/other.json", R"({"defaultAction": "SCMP_ACT_KILL_PROCESS"})");
    const Policy policy = folder.load_text(R"(
description = "all of it"
chimerax = { executable = "/opt/x/bin/ChimeraX", arguments = ["--debug"], environment = { A = "1", _b2 = "" }, start_timeout = "2s", command_timeout = "1h30m", grace = "0" }
recovery = { max_restarts = 4, window = "5s", autosave_every = "6s" }
lifecycle = { freeze_after = "1s", end_after = "2s", max_lifetime = "3s", active_cpus = 0.5 }
admission.max_sessions = 5
resources = { enforcement = "best-effort", memory_max = 2147483648, memory_high = "1.5G", memory_swap_max = "1G", cpus = 0.5, cpu_weight = 7, pids_max = 33, descendants_max = 3, nofile = 100, core_size = "1M", file_size = "2M" }
filesystem = { binds = ["/usr", { source = "/a", target = "/opt/b", optional = true }], devices = ["/dev/dri/renderD128"], tmp = { size = "1M", inodes = 16 }, home = { size = "2M", inodes = 17 }, work = { size = "3M", inodes = 18 }, shm = { size = "4M", inodes = 19 } }
network.publish = "loopback"
seccomp.profile = "other"
logs.size = "128K"
override = { memory_max = "3G", cpus = 1, pids_max = 34, max_lifetime = "4s", environment = ["APP_*", "TZ"] }
)");
    CHECK(policy.description == "all of it");
    CHECK(policy.chimerax == ChimeraX{"/opt/x/bin/ChimeraX",
                                      {"--debug"},
                                      {{"A", "1"}, {"_b2", ""}},
                                      Duration(2000),
                                      Duration(5'400'000),
                                      Duration(0)});
    CHECK(policy.lifecycle == Lifecycle{Duration(1000), Duration(2000), Duration(3000), 0.5});
    CHECK(policy.recovery == Recovery{4, Duration(5000), Duration(6000)});
    CHECK(policy.admission == PolicyAdmission{5});
    CHECK(policy.resources ==
          Resources{Enforcement::best_effort, 2_GiB, 1536_MiB, 1_GiB, 0.5, 7, 33, 3, 100, 1_MiB, 2_MiB});
    CHECK(policy.filesystem == Filesystem{{{"/usr", "/usr", false}, {"/a", "/opt/b", true}},
                                          {1_MiB, 16},
                                          {2_MiB, 17},
                                          {3_MiB, 18},
                                          {4_MiB, 19},
                                          {"/dev/dri/renderD128"}});
    CHECK(policy.publish == Publish::loopback);
    CHECK(policy.seccomp_profile == "other");
    CHECK(policy.logs == Logs{128_KiB});
    CHECK(policy.override_ceilings == Ceilings{3_GiB, 1.0, 34, Duration(4000), {"APP_*", "TZ"}});
}

TEST_CASE("a policy that is not there is not found, and a name that is none is refused") {
    const PolicyFolder folder;
    const Error missing = error_of([&] { folder.load("nope"); });
    CHECK(missing.code() == Errc::not_found);
    CHECK_THAT(missing.what(), Catch::StartsWith("policy nope: "));
    for (const char* name : {"../default", "", "a/b", "-a", "A", "a.toml", "probe"}) {
        INFO(name);
        CHECK(error_of([&] { folder.load(name); }).code() == Errc::invalid_argument);
    }
    CHECK(error_of([&] { folder.load(std::string(65, 'a')); }).code() == Errc::invalid_argument);
}

TEST_CASE("a file cannot take the reserved name probe, nor can a policy extend it") {
    const PolicyFolder folder;
    folder.write("probe.toml", "");
    folder.write("b.toml", "");
    CHECK_THAT(
        error_of([&] { load_policy_file(folder.path() + "/probe.toml", kNowhere, Trust::any_owner); }).what(),
        Catch::Contains("reserved"));
    CHECK(list_policies({folder.path()}) == std::vector<std::string>{"b"});
    CHECK_THAT(folder.without_path(error_of([&] { folder.load_text("extends = \"probe\""); }).what()),
               Catch::StartsWith("test.toml:1:11: extends: value \"probe\": must not be"));
}

TEST_CASE("a policy file given by its path is named after it and finds its parents and profile beside it") {
    const PolicyFolder folder;
    folder.write("base.toml", "[resources]\npids_max = 77");
    folder.write("child.toml", "extends = \"base\"");
    const Policy policy = load_policy_file(folder.path() + "/child.toml", kNowhere, Trust::any_owner).policy;
    CHECK(policy.name == "child");
    CHECK(policy.resources.pids_max == 77);
    CHECK(policy.digest == folder.load("child").digest);
    CHECK(error_of([&] { load_policy_file(folder.path() + "/child", kNowhere, Trust::any_owner); }).code() ==
          Errc::invalid_argument);
    CHECK(error_of([&] {
              load_policy_file(folder.path() + "/none.toml", kNowhere, Trust::any_owner);
          }).code() == Errc::not_found);
}

TEST_CASE("policies are listed by name, sorted, those too whose name is wrong: loading them says so") {
    const PolicyFolder folder;
    for (const char* name : {"b.toml", "a-1.toml", "A.toml", "-x.toml", "c.json"})
        folder.write(name, "");
    CHECK(list_policies({folder.path()}) == std::vector<std::string>{"-x", "A", "a-1", "b"});
    CHECK(error_of([&] { list_policies({folder.path() + "/none"}); }).code() == Errc::not_found);
}

TEST_CASE("a missing seccomp profile is an error at the field, a broken one in its own file") {
    const PolicyFolder folder;
    const Error missing = error_of([&] { folder.load_text("[seccomp]\nprofile = \"none\""); });
    CHECK(missing.code() == Errc::invalid_argument);
    CHECK_THAT(
        folder.without_path(missing.what()),
        Catch::StartsWith("test.toml:2:11: seccomp.profile: value \"none\": must be the name of a profile"));
    folder.write("seccomp/broken.json", "{}");
    CHECK_THAT(
        folder.without_path(error_of([&] { folder.load_text("[seccomp]\nprofile = \"broken\""); }).what()),
        Catch::StartsWith("seccomp/broken.json: defaultAction: is missing"));
    std::filesystem::remove(folder.path() + "/seccomp/chimerax.json");
    CHECK_THAT(folder.without_path(error_of([&] { folder.load_text(""); }).what()),
               Catch::StartsWith("test.toml: seccomp.profile: value \"chimerax\": must be"));
    CHECK(error_of([&] { folder.load_text("[seccomp]\nprofile = \"../seccomp/broken\""); }).code() ==
          Errc::invalid_argument);
}

TEST_CASE("the digest follows what is in force: limits and seccomp bytes, not comments or the file's order") {
    const PolicyFolder folder;
    const std::string digest = folder.load_text("[resources]\npids_max = 5\ncpus = 1").digest;
    CHECK(digest.size() == 64);
    CHECK(folder.load_text("# a comment\nresources = { cpus = 1.0, pids_max = 5 }").digest == digest);
    CHECK(folder.load_text("[resources]\npids_max = 6\ncpus = 1").digest != digest);
    folder.write("seccomp/chimerax.json", R"({ "defaultAction": "SCMP_ACT_ERRNO" })");
    CHECK(folder.load_text("[resources]\npids_max = 5\ncpus = 1").digest != digest);
}
