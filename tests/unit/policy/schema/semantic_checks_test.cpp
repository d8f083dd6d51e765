#include "policy/schema/semantic_checks.hpp"
#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

struct Wrong {
    const char* text;
    const char* error;
};

constexpr std::array kWrong{
    Wrong{"[resources]\nmemory_max = \"1G\"", "test.toml:2:14: resources.memory_max: value \"1G\": must be "
                                              "more than 1600M, the sizes of tmp, home, work "
                                              "and shm together"},
    Wrong{"[filesystem.work]\nsize = \"4G\"",
          "test.toml:2:8: resources.memory_max: value \"4G\": must be more than 4672M"},
    Wrong{"[resources]\nmemory_high = \"5G\"",
          "test.toml:2:15: resources.memory_high: value \"5G\": must be at most resources.memory_max, 4G"},
    Wrong{"[filesystem]\nbinds = [\"/\"]",
          "test.toml:2:10: filesystem.binds[0]: value \"/\": the target must not cover, or lie in, /proc"},
    Wrong{"[filesystem]\nbinds = [{ source = \"/opt\", target = \"/home/x\" }]",
          "test.toml:2:10: filesystem.binds[0]: value a table: the target must not cover, or lie in, /home"},
    Wrong{"[filesystem]\nbinds = [{ source = \"/opt\", target = \"/work\" }]",
          "test.toml:2:10: filesystem.binds[0]: value a table: the target must not cover, or lie in, /work"},
    Wrong{
        "[filesystem]\nbinds = [\"/tmp/x\"]",
        "test.toml:2:10: filesystem.binds[0]: value \"/tmp/x\": the target must not cover, or lie in, /tmp"},
    Wrong{"[filesystem]\nbinds = [\"/sys/fs/cgroup\"]", "test.toml:2:10: filesystem.binds[0]: value"},
    Wrong{"[filesystem]\nbinds = [\"/run/docker.sock\"]", "test.toml:2:10: filesystem.binds[0]: value"},
    Wrong{"[filesystem]\nbinds = [\"/var\"]", "test.toml:2:10: filesystem.binds[0]: value \"/var\": the "
                                              "target must not cover, or lie in, /var/empty"},
    Wrong{"[filesystem]\nbinds = [\"/etc\"]",
          "test.toml:2:10: filesystem.binds[0]: value \"/etc\": the target must not be all of /etc"},
    Wrong{"[filesystem]\nbinds = [\"/etc/hosts\"]",
          "test.toml:2:10: filesystem.binds[0]: value \"/etc/hosts\": the target must not be /etc/hosts"},
    Wrong{"[filesystem]\nbinds = [{ source = \"/proc/1\", target = \"/mnt\" }]",
          "test.toml:2:10: filesystem.binds[0]: value a table: the source must not show the host's /proc"},
    Wrong{"[filesystem]\nbinds = [{ source = \"/\", target = \"/mnt\" }]",
          "test.toml:2:10: filesystem.binds[0]: value a table: the source must not show the host's /proc"},
    Wrong{
        "[filesystem]\nbinds = [\"/usr\", { source = \"/opt\", target = \"/usr\" }]",
        "test.toml:2:18: filesystem.binds[1]: value a table: the target /usr is that of filesystem.binds[0]"},
    Wrong{"[filesystem]\ndevices = [\"/dev/mem\"]",
          "test.toml:2:12: filesystem.devices[0]: value \"/dev/mem\": must not expose"},
    Wrong{"[override]\nmemory_max = \"2G\"", "test.toml:2:14: override.memory_max: value \"2G\": must be at "
                                             "least the policy's own resources.memory_max, "
                                             "4G"},
    Wrong{"[resources]\ncpus = 2.5\n[override]\ncpus = 2",
          "test.toml:4:8: override.cpus: value 2: must be at least the policy's own resources.cpus, 2.5"},
    Wrong{"[override]\ncpus = 2",
          "test.toml:2:8: override.cpus: value 2: must be \"none\": resources.cpus sets no limit"},
    Wrong{"[override]\npids_max = 511", "test.toml:2:12: override.pids_max: value 511: must be at least the "
                                        "policy's own resources.pids_max, 512"},
    Wrong{"[lifecycle]\nmax_lifetime = \"2h\"\n[override]\nmax_lifetime = \"1h\"",
          "test.toml:4:16: override.max_lifetime: value \"1h\": must be at least the policy's own "
          "lifecycle.max_lifetime, 2h"},
    Wrong{"[override]\nmax_lifetime = \"1h\"", "test.toml:2:16: override.max_lifetime: value \"1h\": must be "
                                               "\"none\": lifecycle.max_lifetime sets no limit"},
    Wrong{"[override]\nenvironment = [\"TZ\", \"LD_PRELOAD\"]",
          "test.toml:2:22: override.environment[1]: value \"LD_PRELOAD\": must not take in a variable that "
          "steers"},
    Wrong{"[override]\nenvironment = [\"L*\"]",
          "test.toml:2:16: override.environment[0]: value \"L*\": must not"},
};

} // namespace

TEST_CASE("a policy whose parts do not fit one another is refused at the part that was written") {
    const PolicyFolder folder;
    for (const Wrong& wrong : kWrong) {
        INFO(wrong.text);
        const Error error = error_of([&] { folder.load_text(wrong.text); });
        CHECK(error.code() == Errc::invalid_argument);
        CHECK_THAT(folder.without_path(error.what()), Catch::StartsWith(wrong.error));
    }
}

TEST_CASE("limits that just fit are taken") {
    const PolicyFolder folder;
    CHECK_NOTHROW(folder.load_text("[resources]\nmemory_max = 1677721601\nmemory_high = 1677721601"));
    CHECK_THROWS(folder.load_text("[resources]\nmemory_max = 1677721600"));
    CHECK_NOTHROW(
        folder.load_text("[resources]\ncpus = 2\n[override]\ncpus = 2\nmemory_max = \"4G\"\npids_max = 512"));
    CHECK_NOTHROW(folder.load_text(
        "[filesystem]\nbinds = [\"/home2\", \"/etc/fonts\", \"/processes\", \"/var/cache\"]"));
}

TEST_CASE("only absolute paths without empty, dot and dot-dot parts are normal") {
    for (const char* path : {"/", "/a", "/a/b.c", "/a/..b", "/.a"})
        CHECK(is_normal_path(path));
    for (const char* path : {"", "a", "//", "/a/", "/a//b", "/.", "/a/./b", "/..", "/a/..", "/a\nb"})
        CHECK_FALSE(is_normal_path(path));
    CHECK_FALSE(is_normal_path("/" + std::string(4095, 'a')));
    CHECK_FALSE(is_normal_path(std::string_view("/a\0b", 4)));
}
