#include "policy_folder.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "sandbox/policy/policy_set.hpp"

#include <utility>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

/// A vendor's `default` and `strict`, which extends it; the admin's folder has nothing in it yet.
struct TwoLayers {
    TwoLayers() {
        std::filesystem::remove_all(admin.path() + "/seccomp");
        vendor.write("default.toml", "description = \"vendor\"\n[resources]\npids_max = 100\nnofile = 200");
        vendor.write("strict.toml", "extends = \"default\"\n[resources]\nnofile = 64");
    }
    PolicyFolders folders() const { return {admin.path(), vendor.path()}; }
    Policy load(const std::string& name) const { return load_policy(folders(), name, Trust::any_owner); }
    std::string wrong(const std::string& name) const {
        const Error error = error_of([&] { static_cast<void>(load(name)); });
        CHECK(error.code() == Errc::invalid_argument);
        return admin.without_path(vendor.without_path(error.what()));
    }

    PolicyFolder admin, vendor;
};

} // namespace

TEST_CASE("of two policies of one name the admin's counts, and each says whose it is") {
    const TwoLayers two;
    CHECK(two.load("default").layer == PolicyLayer::vendor);
    two.admin.write("default.toml", "description = \"admin\"");
    two.admin.write("own.toml", "");
    CHECK(two.load("default").description == "admin");
    CHECK(two.load("default").resources.pids_max == 512); // nothing of the vendor's, which it does not extend
    CHECK(two.load("default").layer == PolicyLayer::admin_over_vendor);
    CHECK(two.load("own").layer == PolicyLayer::admin);
    CHECK(two.load("strict").layer == PolicyLayer::vendor);
    CHECK(to_text(PolicyLayer::vendor) == "vendor");
    CHECK(to_text(PolicyLayer::admin) == "admin");
    CHECK(to_text(PolicyLayer::admin_over_vendor) == "admin-over-vendor");
    CHECK(list_policies(two.folders()) == std::vector<std::string>{"default", "own", "strict"});
}

TEST_CASE("either folder may be missing, and not both") {
    const TwoLayers two;
    const std::string none = two.admin.path() + "/none";
    CHECK(list_policies({none, two.vendor.path()}).size() == 2);
    CHECK(load_policy({none, two.vendor.path()}, "strict", Trust::any_owner).resources.nofile == 64);
    CHECK(list_policies({two.vendor.path(), none}).size() == 2);
    CHECK(load_policy({two.vendor.path(), none}, "strict", Trust::any_owner).layer == PolicyLayer::admin);
    const Error error = error_of([&] { list_policies({none, none + "/either"}); });
    CHECK(error.code() == Errc::not_found);
    CHECK_THAT(error.what(), Catch::Contains(none + " or " + none + "/either"));
    CHECK_FALSE(error.cure().empty());
    CHECK_THAT(error_of([&] { static_cast<void>(two.load("nope")); }).what(),
               Catch::Contains("policy nope: there is no nope.toml in " + two.admin.path() + " or " +
                               two.vendor.path()));
}

TEST_CASE("a base is found by its name through both layers, so that the vendor's policies follow the admin's "
          "base") {
    const TwoLayers two;
    two.admin.write("default.toml", "[resources]\npids_max = 7");
    two.admin.write("own.toml", "extends = \"strict\"");
    CHECK(two.load("strict").resources.pids_max == 7);
    CHECK(two.load("own").resources.pids_max == 7);
    CHECK(two.load("own").resources.nofile == 64);
}

TEST_CASE("an admin's policy that extends its own name starts from the vendor's of that name") {
    const TwoLayers two;
    two.admin.write("default.toml", "extends = \"default\"\n[resources]\npids_max = 7");
    CHECK(two.load("default").resources.pids_max == 7);
    CHECK(two.load("default").resources.nofile == 200);
    CHECK(two.load("strict").resources.pids_max == 7);
    CHECK(two.load("strict").resources.nofile == 64);
}

TEST_CASE("a circle of extends through both layers is refused with its names") {
    const TwoLayers two;
    two.admin.write("own.toml", "extends = \"own\"");
    CHECK_THAT(two.wrong("own"),
               Catch::StartsWith(
                   "own.toml:1:11: extends: value \"own\": must not go round in a circle: own -> own"));
    two.vendor.write("loop.toml", "extends = \"loop\"");
    CHECK_THAT(two.wrong("loop"), Catch::Contains("must not go round in a circle: loop -> loop"));
    two.admin.write("default.toml", "extends = \"strict\"");
    CHECK_THAT(two.wrong("default"), Catch::Contains("in a circle: default -> strict -> default"));
    CHECK_THAT(two.wrong("strict"), Catch::Contains("in a circle: strict -> default -> strict"));
    // The vendor's own name below the admin's, and from there round to the admin's.
    two.admin.write("default.toml", "extends = \"default\"");
    two.vendor.write("default.toml", "extends = \"strict\"");
    CHECK_THAT(two.wrong("default"), Catch::Contains("in a circle: default -> default -> strict -> default"));
}

TEST_CASE("a seccomp profile is found as a policy is, and the digest follows the one that counts") {
    const TwoLayers two;
    two.admin.write("own.toml", "");
    const std::string digest = two.load("own").digest, strict = two.load("strict").digest;
    std::filesystem::create_directory(two.admin.path() + "/seccomp");
    two.admin.write("seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_KILL_PROCESS"})");
    CHECK(two.load("own").digest != digest);
    CHECK(two.load("strict").digest != strict);
    const LoadedPolicy loaded = load_whole_policy(two.folders(), "strict", Trust::any_owner);
    CHECK(loaded.seccomp.default_action == SeccompAction::kill_process);
    CHECK(loaded.seccomp_path == two.admin.path() + "/seccomp/chimerax.json");
    CHECK(loaded.path == two.vendor.path() + "/strict.toml");
    two.admin.write("own.toml", "[seccomp]\nprofile = \"none\"");
    CHECK_THAT(two.wrong("own"), Catch::Contains("there is no seccomp/none.json in "));
}

TEST_CASE("an admin's file that is wrong, or a link that leads nowhere, never lets the vendor's count") {
    const TwoLayers two;
    two.admin.write("default.toml", "nonsense = 1");
    CHECK_THAT(two.wrong("default"), Catch::StartsWith("default.toml:1:1: nonsense"));
    CHECK_THAT(two.wrong("strict"), Catch::StartsWith("default.toml:1:1: nonsense"));
    std::filesystem::remove(two.admin.path() + "/default.toml");
    std::filesystem::create_symlink("/nonexistent/default.toml", two.admin.path() + "/default.toml");
    CHECK(error_of([&] { static_cast<void>(two.load("default")); }).code() == Errc::not_found);
    std::filesystem::create_directory(two.admin.path() + "/strict.toml");
    CHECK_THAT(two.wrong("strict"), Catch::Contains("is not a regular file"));
}

TEST_CASE("a file given by its path finds what it needs beside it, then in both layers") {
    const TwoLayers two;
    two.admin.write("default.toml", "[resources]\npids_max = 7");
    const PolicyFolder draft;
    std::filesystem::remove_all(draft.path() + "/seccomp");
    const auto load = [&](const std::string& path) {
        return load_policy_file(path, two.folders(), Trust::any_owner).policy;
    };
    draft.write("new.toml", "extends = \"strict\"");
    CHECK(load(draft.path() + "/new.toml").resources.nofile == 64);
    CHECK(load(draft.path() + "/new.toml").resources.pids_max == 7);
    draft.write("default.toml", "extends = \"default\"\n[resources]\nnofile = 99");
    CHECK(load(draft.path() + "/default.toml").resources.pids_max == 7); // the admin's is below it
    // The vendor's file is that file, also where the admin's of its name counts.
    CHECK(load(two.vendor.path() + "/default.toml").resources.pids_max == 100);
    CHECK(load(two.admin.path() + "/default.toml").resources.pids_max == 7);
}

TEST_CASE("the launcher takes nothing from a layer below one that others could write") {
    const TwoLayers two;
    const Error error = error_of(
        [&] { load_policy(two.folders(), "strict", Trust::root_owned_only); }); // in /tmp, which all write
    CHECK(error.code() == Errc::denied);
    CHECK_THAT(error.what(),
               Catch::StartsWith(two.admin.path() + "/strict.toml: /tmp can be written by everybody"));
}

TEST_CASE("a rulebook has the policies of both layers, and a change in either is another digest") {
    const TwoLayers two;
    std::filesystem::create_directory(two.admin.path() + "/tenants");
    Site site;
    site.policies_dir = two.admin.path();
    site.vendor_policies_dir = two.vendor.path();
    site.tenants_dir = two.admin.path() + "/tenants";
    std::string before = read_site_files(site, Trust::any_owner).digest;
    const auto is_other = [&] {
        return std::exchange(before, read_site_files(site, Trust::any_owner).digest) != before;
    };
    CHECK(read_rulebook(site, Trust::any_owner).policies.size() == 2);
    CHECK_FALSE(is_other());
    two.vendor.write("default.toml", "description = \"an upgrade\"");
    CHECK(is_other());
    two.admin.write("default.toml", "description = \"admin\"");
    CHECK(is_other());
    two.vendor.write("default.toml", "description = \"another upgrade\"");
    CHECK_FALSE(is_other());
    std::filesystem::remove(two.admin.path() + "/default.toml");
    CHECK(is_other());
}
