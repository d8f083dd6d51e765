#include "ctl/cli/cli.hpp"
#include "ctl/policy/policy_diff.hpp"
#include "sandbox/base/file.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::ctl;
namespace fs = std::filesystem;

namespace {

struct Ran {
    int status;
    std::string out, err;
};

Ran diff(const std::string& policies, std::vector<std::string> arguments) {
    std::ostringstream out, err;
    arguments.insert(arguments.begin(),
                     {"policy", "--policies", policies, "--vendor-policies", "none", "diff"});
    const int status = ctl::run(arguments, {.out = out, .err = err});
    return {status, out.str(), err.str()};
}

} // namespace

TEST_CASE("policies differ by their fields, whatever the order and the layout of their files") {
    CHECK(policy_differences("b = 1\n[t]\na = \"4G\"\nc = 2\n", "[t]\nc=2\nd = true\na = \"2G\"\n") ==
          std::vector<FieldDifference>{{"b", "1", ""}, {"t.a", "'4G'", "'2G'"}, {"t.d", "", "true"}});
    CHECK(policy_differences("a = [1, 2]\n", "a = [ 1,\n 2 ]\n").empty());
}

TEST_CASE("of arrays the items that only one has are shown, and the whole where the order is another") {
    const auto found =
        policy_differences("a = ['/usr', { source = '/bin', optional = true }]", "a = ['/usr', '/opt']");
    REQUIRE(found.size() == 1);
    CHECK(found[0].from == "{ optional = true, source = '/bin' }");
    CHECK(found[0].to == "'/opt'");
    CHECK(policy_differences("a = [1, 2]", "a = [2, 1]").at(0).from == "[ 1, 2 ]");
}

TEST_CASE("policy diff compares names and files with all that they extend, by its exit status too") {
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    std::string folder = (fs::temp_directory_path() / "diff-test-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string policies = folder + "/policies";
    fs::copy(std::string(root) + "/policies", policies, fs::copy_options::recursive);
    write_file_atomically(policies + "/same.toml", "extends = \"default\"\n", 0644);
    write_file_atomically(policies + "/more.toml",
                          "extends = \"default\"\n[resources]\nmemory_max = \"6G\"\n", 0644);
    CHECK(diff(policies, {"default", "same"}).status == 0);
    CHECK(diff(policies, {"default", "same"}).out.empty());
    const Ran more = diff(policies, {"-o", "json", "default", policies + "/more.toml"});
    CHECK(more.status == 1);
    CHECK(nlohmann::json::parse(more.out) ==
          nlohmann::json{
              {"differences", {{{"field", "resources.memory_max"}, {"from", "'4G'"}, {"to", "'6G'"}}}}});
    CHECK(diff(policies, {"default", "more"}).out.find("resources.memory_max") != std::string::npos);
    CHECK(diff(policies, {"default", "missing"}).status == 3);

    const std::string other = folder + "/other"; // the same words, other rules
    fs::copy(policies, other, fs::copy_options::recursive);
    CHECK(diff(policies, {"default", other + "/default.toml"}).status == 0);
    auto rules = nlohmann::json::parse(read_file(other + "/seccomp/chimerax.json"));
    rules["syscalls"].erase(rules["syscalls"].size() - 1);
    write_file_atomically(other + "/seccomp/chimerax.json", rules.dump(), 0644);
    const Ran ran = diff(policies, {"default", other + "/default.toml"});
    CHECK(ran.status == 1);
    CHECK(ran.out.find("seccomp.profile") != std::string::npos);
    fs::remove_all(folder);
}
