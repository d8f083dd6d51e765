#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/ctl/cli.hpp"

#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
namespace fs = std::filesystem;

namespace {

struct Ran {
    int status;
    std::string out, err;
};

/// The settings of a site whose vendor has `default` and `strict`; of the admin's folders none is there yet.
class SiteFolder {
  public:
    SiteFolder() {
        std::string pattern = fs::temp_directory_path() / "policy_layers_test.XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw_errno("mkdtemp");
        root_ = pattern;
        fs::create_directories(root_ / "vendor/seccomp");
        write("vendor/seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_ERRNO"})");
        write("vendor/default.toml", "description = \"the usual\"\n[resources]\npids_max = 100\n"
                                     "[filesystem]\nbinds = [\"/usr\", \"/opt\"]\n");
        write("vendor/strict.toml", "extends = \"default\"\n[resources]\npids_max = 50\n");
        write("sandboxd.toml", "policies_dir = \"" + path("admin/policies") + "\"\nvendor_policies_dir = \"" +
                                   path("vendor") + "\"\ntenants_dir = \"" + path("admin/tenants") + "\"\n");
    }

    ~SiteFolder() { fs::remove_all(root_); }
    SiteFolder(const SiteFolder&) = delete;
    SiteFolder& operator=(const SiteFolder&) = delete;

    std::string path(const std::string& name) const { return (root_ / name).string(); }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories(fs::path(path(name)).parent_path());
        write_file_atomically(path(name), text, 0644);
    }
    Ran run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin() + 2, {"--config", path("sandboxd.toml")});
        std::ostringstream out, err;
        const int status = ctl::run(arguments, {.out = out, .err = err});
        return {status, out.str(), err.str()};
    }
    nlohmann::json json(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"-o", "json"});
        return nlohmann::json::parse(run(std::move(arguments)).out);
    }

  private:
    fs::path root_;
};

} // namespace

TEST_CASE("policy ls says of each policy which layer it is of") {
    const SiteFolder site;
    site.write("admin/policies/strict.toml", "extends = \"strict\"\n");
    site.write("admin/policies/own.toml", "extends = \"default\"\n");
    const std::string text = site.run({"policy", "ls"}).out;
    for (const char* line : {"default  vendor  ", "strict   admin over vendor  ", "own      admin  "})
        CHECK_THAT(text, Catch::Contains(line));
    std::map<std::string, std::string> layers;
    const nlohmann::json list = site.json({"policy", "ls"});
    for (const auto& one : list["policies"])
        layers[one["name"]] = one["layer"];
    CHECK(layers == std::map<std::string, std::string>{
                        {"default", "vendor"}, {"own", "admin"}, {"strict", "admin-over-vendor"}});
}

TEST_CASE("policy show prints the file that counts, and what comes out through both layers") {
    const SiteFolder site;
    site.write("admin/policies/default.toml", "extends = \"default\"\n[resources]\ncpus = 3\n");
    CHECK(site.run({"policy", "show", "default"}).out == "extends = \"default\"\n[resources]\ncpus = 3\n");
    CHECK_THAT(site.run({"policy", "show", "strict"}).out, Catch::StartsWith("extends = \"default\""));
    CHECK_THAT(site.run({"policy", "show", "strict", "--effective"}).out,
               Catch::Contains("cpus = 3\n") && Catch::Contains("pids_max = 50\n"));
    CHECK(site.json({"policy", "show", "default"})["layer"] == "admin-over-vendor");
}

TEST_CASE("policy diff with one name compares the vendor's with what counts") {
    const SiteFolder site;
    CHECK(site.run({"policy", "diff", "strict"}).status == 0);
    site.write("admin/policies/default.toml", "extends = \"default\"\n[resources]\npids_max = 7\ncpus = 3\n");
    const nlohmann::json own{{{"field", "resources.cpus"}, {"from", "'none'"}, {"to", "3"}},
                             {{"field", "resources.pids_max"}, {"from", "100"}, {"to", "7"}}};
    CHECK(site.json({"policy", "diff", "default"})["differences"] == own);
    CHECK(site.run({"policy", "diff", "default"}).status == 1);
    CHECK(site.json({"policy", "diff", "strict"})["differences"] == nlohmann::json{own[0]}); // by its base
    site.write("admin/policies/seccomp/chimerax.json", R"({"defaultAction": "SCMP_ACT_KILL_PROCESS"})");
    CHECK_THAT(site.run({"policy", "diff", "strict"}).out, Catch::Contains("seccomp.profile"));
    site.write("admin/policies/own.toml", "");
    const Ran none = site.run({"policy", "diff", "own"});
    CHECK(none.status == 3);
    CHECK_THAT(none.err, Catch::Contains("there is no own.toml in " + site.path("vendor")));
    CHECK(site.run({"policy", "diff", "own", "--vendor-policies", "none"}).status == 3);
}

TEST_CASE("policy check finds in the layers what a file extends") {
    const SiteFolder site;
    site.write("draft/new.toml", "extends = \"strict\"\n");
    CHECK(site.run({"policy", "check", site.path("draft/new.toml")}).status == 0);
    site.write("draft/new.toml", "extends = \"nope\"\n");
    CHECK(site.run({"policy", "check", site.path("draft/new.toml")}).status == 2);
}
