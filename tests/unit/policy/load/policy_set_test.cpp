#include "policy_folder.hpp"
#include "sandbox/policy/policy_set.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using sandbox::policy::test::error_of;
using sandbox::policy::test::PolicyFolder;

namespace {

/// Policies `base` and `test`, which extends it; a tenant `acme`; a site file.
struct SiteFolder {
    SiteFolder() {
        std::filesystem::create_directory(folder.path() + "/tenants");
        folder.write("base.toml", "description = \"a\"");
        folder.write("test.toml", "extends = \"base\"");
        folder.write("tenants/acme.toml", "max_sessions = 1\npolicies = [\"test\"]");
        folder.write("site", "slots = 5");
        site = load_site(folder.path() + "/site", Trust::any_owner);
        site.policies_dir = folder.path();
        site.vendor_policies_dir.clear();
        site.tenants_dir = folder.path() + "/tenants";
    }
    SiteFiles read() const { return read_site_files(site, Trust::any_owner); }

    PolicyFolder folder;
    Site site;
};

} // namespace

TEST_CASE("all files of a site are read, and any change of one is another digest") {
    const SiteFolder site;
    const SiteFiles first = site.read();
    CHECK(first.rulebook.policies.size() == 2);
    CHECK(std::get<Tenant>(first.rulebook.tenants.at("acme")).max_sessions == 1);
    CHECK(first.site.slots == 5);
    CHECK(site.read().digest == first.digest);
    std::string before = first.digest;
    const auto is_other = [&] { return std::exchange(before, site.read().digest) != before; };
    site.folder.write("base.toml", "description = \"b\"");
    CHECK(is_other());
    site.folder.write("tenants/acme.toml", "max_sessions = 1\npolicies = [\"test\"]\ntoken_hashes = [\"" +
                                               std::string(64, 'a') + "\"]");
    CHECK(is_other());
    site.folder.write("tenants/globex.toml", "max_sessions = 1\npolicies = [\"test\"]");
    CHECK(is_other());
    site.folder.write("site", "slots = 6");
    CHECK(is_other());
    site.folder.write("seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_KILL_PROCESS"})");
    CHECK(is_other());
    CHECK_FALSE(is_other());
}

TEST_CASE("every wrong file is named with its place, once, and nothing is read") {
    const SiteFolder site;
    site.folder.write("base.toml", "[resources]\ncpus = true");
    site.folder.write("other.toml", "nonsense = 1");
    site.folder.write("tenants/acme.toml", "max_sessions = -1\npolicies = []");
    site.folder.write("site", "slots = 0");
    const Error error = error_of([&] { static_cast<void>(site.read()); });
    CHECK(error.code() == Errc::invalid_argument);
    const std::string text = site.folder.without_path(error.what());
    for (const char* place : {"4 are wrong", "\nbase.toml:2:8: resources.cpus", "\nother.toml:1:1: nonsense",
                              "\ntenants/acme.toml:1:16: max_sessions", "\nsite:1:9: slots"}) {
        CAPTURE(text, place);
        CHECK(text.find(place) != std::string::npos);
    }
    CHECK(text.find("cpus") == text.rfind("cpus"));
}

TEST_CASE("where a file is wrong, the others can still be read at a start") {
    const SiteFolder site;
    site.folder.write("other.toml", "nonsense = 1");
    const Rulebook rulebook = read_rulebook(site.site, Trust::any_owner);
    CHECK(rulebook.errors().size() == 1);
    CHECK(std::holds_alternative<Error>(rulebook.policies.at("other")));
    CHECK(std::holds_alternative<LoadedPolicy>(rulebook.policies.at("test")));
}

TEST_CASE("the launcher's reading refuses what others can write, a link, and a stranger's folder") {
    const SiteFolder site;
    const Error error =
        error_of([&] { static_cast<void>(read_site_files(site.site, Trust::root_owned_only)); });
    CHECK(error.code() == Errc::invalid_argument); // /tmp can be written by everybody
    CHECK(std::string(error.what()).find("can be written by everybody") != std::string::npos);
}
