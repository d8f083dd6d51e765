#include "ctl/doctor/host_checks.hpp"
#include "ctl/host/host_units.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;
namespace fs = std::filesystem;

namespace {

/// A host that lacks nothing, in folders of the test's own.
class FakeHost {
  public:
    FakeHost() {
        std::string name = (fs::temp_directory_path() / "doctor-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw_errno("mkdtemp");
        folder_ = name;
        write("cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
        write("proc/pressure/memory", "some avg10=0.00\n");
        write("proc/self/uid_map", "         0          0 4294967295\n");
        write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n");
        write("proc/sys/user/max_user_namespaces", "65536\n");
        write("proc/sys/kernel/seccomp/actions_avail", "kill_process errno allow\n");
    }
    ~FakeHost() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    void write(const std::string& file, const std::string& text) const {
        fs::create_directories((folder_ / file).parent_path());
        std::ofstream(folder_ / file) << text;
    }
    void remove(const std::string& file) const { fs::remove(folder_ / file); }
    std::string path(const std::string& file) const { return (folder_ / file).string(); }

    HostView view() const {
        return {.proc = path("proc"),
                .cgroup = path("cgroup"),
                .etc = path("etc"),
                .usr = path("usr"),
                .systemd = path("systemd"),
                .kernel_release = release,
                .clock_is_set = clock_is_set,
                .descriptors = descriptors};
    }
    Check check(const std::string& name) const {
        const auto all = check_host(view());
        const auto found = std::ranges::find(all, name, &Check::name);
        REQUIRE(found != all.end());
        return *found;
    }
    Verdict verdict(const std::string& name) const {
        const Check found = check(name);
        CHECK(found.cure.empty() == (found.verdict == Verdict::good));
        return found.verdict;
    }
    std::string release = "6.1.0-18-amd64";
    bool clock_is_set = true;
    std::uint64_t descriptors = 524288;

  private:
    fs::path folder_;
};

/// Of all findings about the site those of one name.
std::vector<Check> site_findings(const FakeHost& host, const std::string& name) {
    std::vector<Check> found = check_site(host.path("sandboxd.toml"), host.view());
    std::erase_if(found, [&](const Check& check) { return check.name != name; });
    return found;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a host that lacks nothing passes every check") {
    const FakeHost host;
    for (const Check& check : check_host(host.view())) {
        CAPTURE(check.name, check.detail);
        CHECK(check.verdict == Verdict::good);
        CHECK(check.cure.empty());
    }
}

TEST_CASE("a kernel before 6.1 fails") {
    FakeHost host;
    for (const char* good : {"6.1.0", "6.10.3", "7.0"}) {
        host.release = good;
        CHECK(host.verdict("kernel") == Verdict::good);
    }
    for (const char* bad : {"6.0.19", "5.15.0-100-generic", "", "x"}) {
        host.release = bad;
        CHECK(host.verdict("kernel") == Verdict::failed);
    }
}

TEST_CASE("a hybrid of cgroup v1 and v2 fails, and is called one") {
    const FakeHost host;
    host.remove("cgroup/cgroup.controllers");
    CHECK(host.verdict("cgroup v2") == Verdict::failed);
    host.write("cgroup/unified/cgroup.procs", "1\n");
    host.write("cgroup/unified/cgroup.controllers", "cpu\n");
    CHECK(host.check("cgroup v2").detail.find("hybrid") != std::string::npos);
    CHECK(host.check("controllers").detail == "missing: memory, pids, io (there: cpu)");
}

TEST_CASE("a missing controller fails, but a missing io only warns") {
    const FakeHost host;
    host.write("cgroup/cgroup.controllers", "cpu memory pids\n");
    CHECK(host.verdict("controllers") == Verdict::warning);
    host.write("cgroup/cgroup.controllers", "cpu io pids\n");
    CHECK(host.verdict("controllers") == Verdict::failed);
}

TEST_CASE("no PSI and no swap warn") {
    const FakeHost host;
    host.remove("proc/pressure/memory");
    host.write("proc/swaps", "Filename Type Size Used Priority\n");
    CHECK(host.verdict("PSI") == Verdict::warning);
    CHECK(host.verdict("swap") == Verdict::warning);
}

TEST_CASE("forbidden user namespaces and absent seccomp filters fail") {
    const FakeHost host;
    host.write("proc/sys/user/max_user_namespaces", "0\n");
    CHECK(host.verdict("user namespaces") == Verdict::failed);
    host.remove("proc/sys/user/max_user_namespaces");
    CHECK(host.verdict("user namespaces") == Verdict::failed);
    host.remove("proc/sys/kernel/seccomp/actions_avail");
    CHECK(host.verdict("seccomp") == Verdict::failed);
}

TEST_CASE("a host that executes no memory file fails, one that does where it is asked for is good") {
    const FakeHost host;
    for (const char* good : {"0\n", "1\n"}) {
        host.write("proc/sys/vm/memfd_noexec", good);
        CHECK(host.verdict("memory files") == Verdict::good);
    }
    host.write("proc/sys/vm/memfd_noexec", "2\n");
    CHECK(host.verdict("memory files") == Verdict::failed);
    CHECK(host.check("memory files").cure.find("vm.memfd_noexec=1") != std::string::npos);
}

TEST_CASE("wrong settings of the site fail with the place of the fault, and missing ones warn") {
    const FakeHost host;
    host.write("sandboxd.toml", "no_such_key = 1\n");
    const std::vector<Check> bad = check_site(host.path("sandboxd.toml"), host.view());
    REQUIRE(bad.size() == 1); // nothing is told of settings that nobody can read
    CHECK(bad[0].verdict == Verdict::failed);
    CHECK(bad[0].detail.find("no_such_key") != std::string::npos);
    CHECK(check_site(host.path("missing.toml"), host.view()).at(0).verdict == Verdict::warning);
}

TEST_CASE("a broken policy is named beside the good ones") {
    const FakeHost host;
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    fs::copy(fs::path(root) / "policies", host.path("policies"), fs::copy_options::recursive);
    host.write("policies/broken.toml", "[chimerax\n");
    host.write("sandboxd.toml", "vendor_policies_dir = \"none\"\npolicies_dir = \"" + host.path("policies") +
                                    "\"\nrun_dir = \"" + host.path("run") + "\"\n");
    const std::vector<Check> checks = check_site(host.path("sandboxd.toml"), host.view());
    const auto verdict = [&](const std::string& name) {
        const auto found = std::ranges::find(checks, name, &Check::name);
        REQUIRE(found != checks.end());
        return found->verdict;
    };
    CHECK(verdict("settings") == Verdict::good);
    CHECK(verdict("policy broken") == Verdict::failed);
    CHECK(verdict("policies") == Verdict::good);
    CHECK(verdict("launcher") == Verdict::failed);
}

TEST_CASE("a clock that nothing keeps right warns") {
    FakeHost host;
    host.clock_is_set = false;
    CHECK(host.verdict("clock") == Verdict::warning);
    CHECK_FALSE(has(host.check("clock").cure, "systemctl"));
    host.write("systemd/x", "");
    host.write("usr/lib/systemd/system/systemd-timesyncd.service", "");
    CHECK(has(host.check("clock").cure, "systemctl enable --now systemd-timesyncd"));
}

TEST_CASE("cgroups that are not handed down, uids of others, too few descriptors and a full disk are found") {
    FakeHost host;
    const auto site_check = [&](const std::string& settings, const std::string& name) {
        host.write("sandboxd.toml", "vendor_policies_dir = \"none\"\npolicies_dir = \"" + host.path("none") +
                                        "\"\nstate_dir = \"" + host.path("proc") + "\"\n" + settings);
        const std::vector<Check> checks = check_site(host.path("sandboxd.toml"), host.view());
        const auto found = std::ranges::find(checks, name, &Check::name);
        CAPTURE(checks.front().detail);
        REQUIRE(found != checks.end());
        CHECK(found->cure.empty() == (found->verdict == Verdict::good));
        return found->verdict;
    };
    const std::string cgroupfs = "cgroup_driver = \"cgroupfs\"\ncgroup_base = \"site\"\n";
    CHECK(site_check("cgroup_driver = \"systemd\"\n", "delegation") == Verdict::failed);
    CHECK(site_check(cgroupfs, "delegation") == Verdict::warning);
    host.write("cgroup/cgroup.subtree_control", "cpu io memory pids\n");
    CHECK(site_check(cgroupfs, "delegation") == Verdict::good);
    host.write("cgroup/site/cgroup.controllers", "cpu pids\n");
    CHECK(site_check(cgroupfs, "delegation") == Verdict::warning);
    host.write("systemd/x", "");
    CHECK(site_check("cgroup_driver = \"systemd\"\n", "delegation") == Verdict::good);
    CHECK(site_check("", "delegation") == Verdict::good);

    const std::string uids = "uid_base = 1000000\nslots = 1000\n";
    CHECK(site_check(uids, "uids") == Verdict::good);
    host.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nbroken\nnext:x:1001000:1::/:/bin/sh\n");
    host.write("etc/subuid", "before:999999:1\nafter:1001000:65536\nbroken:\n");
    CHECK(site_check(uids, "uids") == Verdict::good);
    host.write("etc/subuid", "podman:900000:100001\n");
    CHECK(site_check(uids, "uids") == Verdict::warning);
    host.write("etc/passwd", "eve:x:1000999:1::/:/bin/sh");
    CHECK(site_check(uids, "uids") == Verdict::failed);
    host.write("etc/passwd", "");
    host.write("proc/self/uid_map", "0 100000 65536\n1000000 1000000 999\n");
    CHECK(site_check(uids, "uids") == Verdict::failed);
    host.write("proc/self/uid_map", "0 100000 65536\n1000000 1000000 999\n1000999 7 1\n");
    CHECK(site_check("uid_base = 1000000\nslots = 1000\n", "uids") == Verdict::warning);

    host.write("proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n");
    CHECK(site_check("listen_tcp = [\"[::1]:8600\"]\n", "limits") == Verdict::good);
    host.write("proc/net/if_inet6", "fe800000000000000000000000000001 02 40 20 80     eth0\n");
    CHECK(site_check("listen_tcp = [\"[::1]:8600\"]\n", "listen_tcp") == Verdict::failed);
    host.remove("proc/net/if_inet6");
    CHECK(site_check("listen_tcp = [\"[::1]:8600\"]\n", "listen_tcp") == Verdict::failed);
    host.write("proc/self/limits",
               "Limit                     Soft Limit           Hard Limit           Units     \n"
               "Max open files            64                   256                  files     \n");
    CHECK(site_check("", "limits") == Verdict::warning);
    host.remove("proc/self/limits");

    CHECK(site_check("", "descriptors") == Verdict::good);
    host.descriptors = 4096;
    CHECK(site_check("", "descriptors") == Verdict::warning);
    CHECK(site_check("[admission]\nmax_sessions = 100\n", "descriptors") == Verdict::good);

    CHECK(site_check("[admission]\ndisk_free_min = \"1K\"\n", "disk") == Verdict::good);
    CHECK(site_check("[admission]\ndisk_free_min = \"1000T\"\n", "disk") == Verdict::failed);
}

TEST_CASE("an API of another version, that cannot draw, or that is not there is found") {
    const FakeHost host;
    std::map<std::string, HttpReply> replies{
        {"/readyz", {200, "application/json", R"({"status":"ready"})"}},
        {"/version", {200, "application/json", R"({"name":"sandboxd","version":"1.2.3"})"}},
        {"/v1/sessions", {200, "application/json", R"({"sessions":[{"engine":{"renders":true}}]})"}}};
    const auto verdicts = [&](const std::string& version) {
        const ApiClient api([&](const HttpRequest& request, Duration) { return replies.at(request.target); });
        std::map<std::string, Verdict> found;
        for (const Check& check : check_api(api, "unix:///x", version, host.view())) {
            CHECK(check.cure.empty() == (check.verdict == Verdict::good));
            found[check.name] = check.verdict;
        }
        return found;
    };
    using Found = std::map<std::string, Verdict>;
    CHECK(verdicts("1.2.3") ==
          Found{{"API", Verdict::good}, {"versions", Verdict::good}, {"picture", Verdict::good}});
    CHECK(verdicts("1.2.4").at("versions") == Verdict::warning);
    replies["/v1/sessions"].body = R"({"sessions":[{"engine":{"renders":false}}]})";
    CHECK(verdicts("1.2.3").at("picture") == Verdict::failed);
    replies["/v1/sessions"].body = R"({"sessions":[]})";
    CHECK(verdicts("1.2.3").at("picture") == Verdict::warning);
    replies["/readyz"].status = 503;
    CHECK(verdicts("1.2.3") == Found{{"API", Verdict::failed}});
}

TEST_CASE("what does not run is started by its unit, where that is installed and PID 1 is systemd") {
    const FakeHost host;
    host.write("sandboxd.toml",
               "policies_dir = \"" + host.path("none") + "\"\nrun_dir = \"" + host.path("run") + "\"\n");
    const auto cure = [&] {
        const std::vector<Check> found = site_findings(host, "launcher");
        REQUIRE(found.size() == 1);
        CHECK(found[0].verdict == Verdict::failed);
        CHECK(found[0].cure == start_cure(host.view()));
        return found[0].cure;
    };
    const std::string by_hand = "Start it, as root: sandbox-launcher --with-manager.";
    CHECK(cure() == by_hand);
    host.write("systemd/x", "");
    CHECK(cure() == by_hand);
    CHECK_FALSE(has(log_cure(host.view()), "journalctl"));
    host.write("usr/lib/systemd/system/chimerax-sandbox.target", "[Unit]\n");
    CHECK(has(cure(), "systemctl enable --now chimerax-sandbox.target"));
    CHECK(has(log_cure(host.view()), "journalctl -u chimerax-sandboxd"));
    fs::create_directories(host.path("etc/systemd/system/multi-user.target.wants"));
    fs::create_symlink("/usr/lib/systemd/system/chimerax-sandbox.target",
                       host.path("etc/systemd/system/multi-user.target.wants/chimerax-sandbox.target"));
    CHECK(has(cure(), "systemctl status chimerax-sandboxd"));
    CHECK(has(cure(), "journalctl"));
    fs::create_symlink("/dev/null", host.path("etc/systemd/system/chimerax-sandbox.target"));
    CHECK(has(cure(), "systemctl unmask chimerax-sandbox.target"));
    fs::remove_all(host.path("systemd"));
    CHECK(cure() == by_hand);
}

TEST_CASE("a ChimeraX that is missing has a cure that names the vendor's page and where it is looked for") {
    const FakeHost host;
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    fs::create_directories(host.path("policies"));
    fs::copy(fs::path(root) / "policies/seccomp", host.path("policies/seccomp"), fs::copy_options::recursive);
    const auto chimerax = [&](const std::string& executable) {
        host.write("policies/one.toml",
                   "description = \"of the tests\"\n[chimerax]\nexecutable = \"" + executable + "\"\n");
        host.write("sandboxd.toml", "policies_dir = \"" + host.path("policies") + "\"\n");
        const std::vector<Check> found = site_findings(host, kChimerax);
        REQUIRE(found.size() == 1);
        CHECK(has(found[0].cure, "https://www.cgl.ucsf.edu/chimerax/download.html"));
        CHECK(has(found[0].cure, "/usr/lib/ucsf-chimerax"));
        return found[0];
    };
    CHECK(chimerax(host.path("missing/bin/ChimeraX")).verdict == Verdict::failed);
    host.write("standin/bin/ChimeraX", "#!/bin/sh\n");
    host.write("standin/STAND-IN", "");
    fs::permissions(host.path("standin/bin/ChimeraX"), fs::perms(0755));
    const Check only_standin = chimerax(host.path("standin/bin/ChimeraX"));
    CHECK(only_standin.verdict == Verdict::warning);
    CHECK(has(only_standin.detail, "is the stand-in, not UCSF ChimeraX"));
    CHECK_FALSE(has(only_standin.cure, "standin"));
}
