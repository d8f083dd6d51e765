#include "ctl/policy/policy_source.hpp"
#include "sandbox/base/error.hpp"

#include <cstdlib>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

TEST_CASE("a file is checked as what its place says that it is") {
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    const std::string policies = std::string(root) + "/policies";
    const policy::PolicyFolders none{"/nonexistent"};
    CHECK(check_file(policies + "/default.toml", none).kind == "policy");
    CHECK(check_file(policies + "/default.toml", none).digest.size() == 64);
    CHECK(check_file(policies + "/tenants.example/acme.toml", none).kind == "tenant");
    CHECK(check_file(policies + "/seccomp/chimerax.json", none).kind == "seccomp profile");
    CHECK_THROWS_AS(check_file(policies + "/missing.toml", none), Error);
}

TEST_CASE("the policies' folders are the usual ones where there are no settings") {
    CHECK(settings_of("/nonexistent/sandboxd.toml").policies_dir == policy::Site{}.policies_dir);
    CHECK(settings_of("/nonexistent/sandboxd.toml").vendor_policies_dir == policy::installed_policies());
}

TEST_CASE("a program is found on the PATH, and a missing one is told with the places") {
    CHECK(find_program("sh").ends_with("/sh"));
    try {
        find_program("no-such-program-here");
        FAIL("it was found");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::not_found);
        CHECK(std::string(error.what()).find("/bin/no-such-program-here") != std::string::npos);
    }
}
