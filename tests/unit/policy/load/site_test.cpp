#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

Site load(const PolicyFolder& folder, const std::string& text) {
    folder.write("sandboxd.toml", text);
    return load_site(folder.path() + "/sandboxd.toml", Trust::any_owner);
}

std::string wrong(const std::string& text) {
    const PolicyFolder folder;
    const Error error = error_of([&] { load(folder, text); });
    CHECK(error.code() == Errc::invalid_argument);
    return folder.without_path(error.what());
}

} // namespace

TEST_CASE("a site without a word has the defaults of the struct, and its socket in the run folder") {
    const Site site = load(PolicyFolder(), "");
    const Site built_in;
    CHECK(site.policies_dir == built_in.policies_dir);
    CHECK(site.vendor_policies_dir == built_in.vendor_policies_dir);
    CHECK(site.vendor_policies_dir.ends_with("/share/chimerax-sandbox/policies"));
    CHECK(site.tenants_dir == built_in.tenants_dir);
    CHECK(site.run_dir == built_in.run_dir);
    CHECK(site.state_dir == built_in.state_dir);
    CHECK(site.manager_user == built_in.manager_user);
    CHECK(site.cgroup_driver == built_in.cgroup_driver);
    CHECK(site.cgroup_mount == built_in.cgroup_mount);
    CHECK(site.cgroup_base == built_in.cgroup_base);
    CHECK(site.slots == built_in.slots);
    CHECK(site.uid_base == built_in.uid_base);
    CHECK(site.listen_unix == "/run/chimerax-sandbox/api.sock");
    CHECK(site.listen_tcp.empty());
    CHECK(site.admin_group == built_in.admin_group);
    CHECK(site.admin_token_hashes.empty());
}

TEST_CASE("a site may have no vendor's policies") {
    const Site site = load(PolicyFolder(), "vendor_policies_dir = \"none\"");
    CHECK(site.vendor_policies_dir.empty());
    CHECK(site.policy_folders().vendor.empty());
}

TEST_CASE("every field of a site is read") {
    const Site site = load(PolicyFolder(), R"(
policies_dir = "/a/policies"
vendor_policies_dir = "/a/vendor"
tenants_dir = "/a/tenants"
run_dir = "/a/run"
state_dir = "/a/state"
manager_user = 1234
cgroup_driver = "cgroupfs"
cgroup_mount = "/a/cgroup"
cgroup_base = "x/y.slice"
slots = 65536
uid_base = 100000
listen_tcp = ["127.0.0.1:8600", "[::1]:65535"]
admin_group = "wheel"
admin_token_hashes = [")" + std::string(64, '0') +
                                               "\"]");
    CHECK(site.policies_dir == "/a/policies");
    CHECK(site.vendor_policies_dir == "/a/vendor");
    CHECK(site.tenants_dir == "/a/tenants");
    CHECK(site.state_dir == "/a/state");
    CHECK(site.manager_user == "1234");
    CHECK(site.cgroup_driver == CgroupDriver::cgroupfs);
    CHECK(site.cgroup_mount == "/a/cgroup");
    CHECK(site.cgroup_base == "x/y.slice");
    CHECK(site.slots == 65536);
    CHECK(site.uid_base == 100000);
    CHECK(site.listen_unix == "/a/run/api.sock");
    CHECK(site.listen_tcp == std::vector<std::string>{"127.0.0.1:8600", "[::1]:65535"});
    CHECK(site.admin_group == "wheel");
    CHECK(site.admin_token_hashes.size() == 1);
    CHECK(load(PolicyFolder(), "listen_unix = \"/x.sock\"").listen_unix == "/x.sock");
}

TEST_CASE("what a site says of admission is read, and what it does not say is the struct's default") {
    const SiteAdmission built_in;
    const SiteAdmission silent = load(PolicyFolder(), "").admission;
    CHECK_FALSE(silent.max_sessions.has_value());
    CHECK_FALSE(silent.memory_budget.has_value());
    CHECK(silent.memory_overcommit == built_in.memory_overcommit);
    CHECK(silent.starts_at_once == built_in.starts_at_once);
    CHECK(silent.queue_length == built_in.queue_length);
    CHECK(silent.queue_timeout == built_in.queue_timeout);
    CHECK(silent.memory_available_min == built_in.memory_available_min);
    CHECK(silent.memory_pressure_max == built_in.memory_pressure_max);
    CHECK(silent.io_pressure_max == built_in.io_pressure_max);
    CHECK(silent.disk_free_min == built_in.disk_free_min);
    CHECK(silent.descriptors_free_min == built_in.descriptors_free_min);
    const SiteAdmission said = load(PolicyFolder(), R"(
[admission]
max_sessions = 10
memory_budget = "8G"
memory_overcommit = 2.5
starts_at_once = 2
queue_length = 0
queue_timeout = "5s"
memory_available_min = 4096
memory_pressure_max = 12.5
io_pressure_max = "none"
disk_free_min = "none"
descriptors_free_min = 7
)")
                                   .admission;
    CHECK(said.max_sessions == 10);
    CHECK(said.memory_budget == 8_GiB);
    CHECK(said.memory_overcommit == 2.5);
    CHECK(said.starts_at_once == 2);
    CHECK(said.queue_length == 0);
    CHECK(said.queue_timeout == std::chrono::seconds(5));
    CHECK(said.memory_available_min == 4_KiB);
    CHECK(said.memory_pressure_max == 12.5);
    CHECK_FALSE(said.io_pressure_max.has_value());
    CHECK_FALSE(said.disk_free_min.has_value());
    CHECK(said.descriptors_free_min == 7);
}

TEST_CASE("limits of admission that cannot hold are refused") {
    CHECK_THAT(wrong("slots = 8\n[admission]\nmax_sessions = 9"),
               Catch::StartsWith("sandboxd.toml:3:16: admission.max_sessions: value 9: must not be more than "
                                 "slots, of which there are 8"));
    CHECK_THAT(wrong("[admission]\nqueue_timeout = \"0s\""),
               Catch::StartsWith("sandboxd.toml:2:17: admission.queue_timeout: value \"0s\": must be"));
    CHECK_THAT(wrong("[admission]\nmemory_overcommit = 0"),
               Catch::StartsWith("sandboxd.toml:2:21: admission.memory_overcommit: value 0: must be"));
    CHECK_THAT(wrong("[admission]\nmemory_pressure_max = 101"),
               Catch::StartsWith("sandboxd.toml:2:23: admission.memory_pressure_max: value 101: must be"));
}

TEST_CASE("a site that is not there is not found") {
    CHECK(error_of([] { load_site("/nonexistent/sandboxd.toml", Trust::any_owner); }).code() ==
          Errc::not_found);
    CHECK(error_of([] { load_site("/nonexistent/sandboxd.toml", Trust::root_owned_only); }).code() ==
          Errc::not_found);
}

TEST_CASE("a listener is an address with a port") {
    for (const char* address : {"localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
                                "127.0.0.1:080", "::1:80", "127.0.0.1:80 ", "1.2.3:80", "*:80"}) {
        INFO(address);
        CHECK_THAT(wrong("listen_insecure = true\nlisten_tcp = [\"" + std::string(address) + "\"]"),
                   Catch::StartsWith("sandboxd.toml:2:15: listen_tcp[0]: value \"" + std::string(address) +
                                     "\": must be \"ADDRESS:PORT\""));
    }
}

TEST_CASE("beyond loopback the API listens with TLS, or where the site says that it needs none") {
    for (const char* address : {"0.0.0.0:80", "127.0.0.2:80", "[::]:80", "192.168.0.1:80"}) {
        INFO(address);
        const std::string line = "listen_tcp = [\"[::1]:80\", \"" + std::string(address) + "\"]\n";
        const std::string refusal = wrong(line);
        CHECK_THAT(refusal, Catch::StartsWith("sandboxd.toml:1:27: listen_tcp[1]: value \"" +
                                              std::string(address) + "\": must be on 127.0.0.1 or [::1]"));
        CHECK_THAT(refusal, Catch::Contains("tls.certificate") && Catch::Contains("listen_insecure"));
        CHECK(load(PolicyFolder(), "listen_insecure = true\n" + line).listen_tcp.size() == 2);
        const Site site =
            load(PolicyFolder(), line + "[tls]\ncertificate = \"/a/cert.pem\"\nkey = \"/a/key.pem\"");
        CHECK(site.tls == SiteTls{"/a/cert.pem", "/a/key.pem"});
        CHECK_FALSE(site.listen_insecure);
    }
}

TEST_CASE("a certificate without its key, or the other way round, is refused where it stands") {
    CHECK_THAT(wrong("[tls]\ncertificate = \"/a/cert.pem\""),
               Catch::StartsWith("sandboxd.toml:2:15: tls.key: value \"none\": must be given too"));
    CHECK_THAT(wrong("[tls]\nkey = \"/a/key.pem\""),
               Catch::StartsWith("sandboxd.toml:2:7: tls.certificate: value \"none\": must be given too"));
}

TEST_CASE("names of the host are names or addresses in lower case") {
    const Site site =
        load(PolicyFolder(), R"(host_names = ["sandbox.example.org", "10.0.0.5", "[fd00::1]", "x"])");
    CHECK(site.host_names.size() == 4);
    for (const char* name : {"", "Sandbox.example.org", "a:80", "https://a", "*", ".a", "a.", "a b"}) {
        INFO(name);
        CHECK_THAT(wrong("host_names = [\"" + std::string(name) + "\"]"),
                   Catch::StartsWith("sandboxd.toml:1:15: host_names[0]: "));
    }
}

TEST_CASE("a wrong site file is refused with position, field, value and what is allowed") {
    using Catch::StartsWith;
    CHECK_THAT(wrong("slot = 1"),
               StartsWith("sandboxd.toml:1:1: slot: unknown key; did you mean \"slots\"?"));
    CHECK_THAT(wrong("slots = 65537"),
               StartsWith("sandboxd.toml:1:9: slots: value 65537: must be a whole number from 1 to 65536"));
    CHECK_THAT(wrong("uid_base = 0"), StartsWith("sandboxd.toml:1:12: uid_base: value 0: must be"));
    CHECK_THAT(wrong("cgroup_base = \"../x\""),
               StartsWith("sandboxd.toml:1:15: cgroup_base: value \"../x\": must be a relative path"));
    CHECK_THAT(wrong("cgroup_driver = \"v1\""),
               StartsWith("sandboxd.toml:1:17: cgroup_driver: value \"v1\": must be \"automatic\", "
                          "\"systemd\" or \"cgroupfs\""));
    CHECK_THAT(wrong("run_dir = \"run\""),
               StartsWith("sandboxd.toml:1:11: run_dir: value \"run\": must be an absolute path"));
    CHECK_THAT(wrong("manager_user = \"root\""),
               StartsWith("sandboxd.toml:1:16: manager_user: value \"root\": must not be root"));
    CHECK_THAT(wrong("manager_user = 0"),
               StartsWith("sandboxd.toml:1:16: manager_user: value 0: must not be root"));
    CHECK_THAT(wrong("listen_unix = \"/" + std::string(107, 'a') + "\""),
               StartsWith("sandboxd.toml:1:15: listen_unix: value"));
}
