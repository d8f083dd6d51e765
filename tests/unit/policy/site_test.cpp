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

TEST_CASE("every field of a site is read") {
    const Site site = load(PolicyFolder(), R"(
policies_dir = "/a/policies"
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

TEST_CASE("a site that is not there is not found") {
    CHECK(error_of([] { load_site("/nonexistent/sandboxd.toml", Trust::any_owner); }).code() ==
          Errc::not_found);
    CHECK(error_of([] { load_site("/nonexistent/sandboxd.toml", Trust::root_owned_only); }).code() ==
          Errc::not_found);
}

TEST_CASE("the API listens on loopback alone") {
    for (const char* address :
         {"0.0.0.0:80", "127.0.0.2:80", "localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
          "127.0.0.1:080", "[::]:80", "::1:80", "192.168.0.1:80", "127.0.0.1:80 "}) {
        INFO(address);
        CHECK_THAT(wrong("listen_tcp = [\"" + std::string(address) + "\"]"),
                   Catch::StartsWith("sandboxd.toml:1:15: listen_tcp[0]: value \"" + std::string(address) +
                                     "\": must be \"127.0.0.1:PORT\" or \"[::1]:PORT\""));
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
