#include "ctl/cli/cli.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

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

mode_t mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

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

TEST_CASE("policy new writes a file that changes nothing of its base, and says what to do next") {
    const SiteFolder site;
    const ::mode_t mask = ::umask(0077);
    const Ran ran = site.run({"policy", "new", "mine", "--extends", "strict"});
    ::umask(mask);
    const std::string file = site.path("admin/policies/mine.toml");
    INFO(ran.err);
    CHECK(ran.status == 0);
    CHECK_THAT(ran.out,
               Catch::StartsWith(file + " is written") && Catch::Contains("sandboxctl admin reload"));
    CHECK(mode_of(file) == 0644);
    CHECK(mode_of(site.path("admin/policies")) == 0755);
    CHECK(mode_of(site.path("admin")) == 0755);
    CHECK(site.run({"policy", "check", file}).status == 0);
    CHECK(site.run({"policy", "diff", "mine", "strict"}).out.empty());
    CHECK(site.run({"policy", "diff", "mine", "strict"}).status == 0);
    const std::string text = read_file(file);
    CHECK_THAT(text, Catch::Contains("\nextends = \"strict\"\n") && Catch::Contains("\n[resources]\n") &&
                         Catch::Contains("\n#pids_max = 50\n"));
}

TEST_CASE("a new policy with all its keys taken in is its base too") {
    const SiteFolder site;
    REQUIRE(site.run({"policy", "new", "mine"}).status == 0);
    std::istringstream lines(read_file(site.path("admin/policies/mine.toml")));
    std::string text;
    for (std::string line; std::getline(lines, line);)
        text += (line.starts_with('#') && line != "#" && !(line.starts_with("# ") && !line.starts_with("#  "))
                     ? line.substr(1)
                     : line) +
                "\n";
    CHECK_THAT(text, Catch::Contains("\n  \"/opt\",\n]\n"));
    site.write("admin/policies/mine.toml", text);
    const Ran same = site.run({"policy", "diff", "mine", "default"});
    CHECK(same.out.empty());
    CHECK(same.err.empty());
}

TEST_CASE("policy new extends a policy of the vendor's under its own name, and the admin's alone does not") {
    const SiteFolder site;
    CHECK(site.run({"policy", "new", "default"}).status == 0);
    CHECK(site.run({"policy", "diff", "default"}).status == 0);
    CHECK(site.json({"policy", "show", "default"})["layer"] == "admin-over-vendor");
    const Ran ran = site.run({"policy", "new", "mine", "--extends", "mine", "--vendor-policies", "none"});
    CHECK(ran.status == 2);
    CHECK_THAT(ran.err, Catch::Contains("it cannot extend itself"));
    CHECK(site.run({"policy", "new", "mine", "--extends", "mine"}).status == 3);
}

TEST_CASE("tenant new writes a tenant with the policies that were named, and says what to do next") {
    const SiteFolder site;
    const Ran ran = site.run({"tenant", "new", "acme", "--policy", "strict", "--policy", "default"});
    const std::string file = site.path("admin/tenants/acme.toml");
    INFO(ran.err);
    CHECK(ran.status == 0);
    CHECK_THAT(ran.out,
               Catch::StartsWith(file + " is written") && Catch::Contains("sandboxctl admin reload"));
    CHECK(mode_of(file) == 0644);
    CHECK(site.run({"policy", "check", file}).status == 0);
    CHECK_THAT(read_file(file), Catch::Contains("\npolicies = [\"strict\", \"default\"]\n") &&
                                    Catch::Contains("\n#max_sessions = 16\n"));
    CHECK(site.json({"tenant", "new", "globex"})["file"] == site.path("admin/tenants/globex.toml"));
    CHECK_THAT(read_file(site.path("admin/tenants/globex.toml")),
               Catch::Contains("policies = [\"default\"]\n"));
}

TEST_CASE("a wrong name, and a policy that is not there, are clear errors, and nothing is written") {
    const SiteFolder site;
    for (const char* name : {"a-b", "A", "../x", "", "probe", "a.toml"}) {
        INFO(name);
        const Ran ran = site.run({"tenant", "new", name});
        CHECK(ran.status == 2);
        CHECK_THAT(ran.err,
                   Catch::Contains(std::string(name) == "probe" ? "reserved" : "cannot be a tenant's name"));
    }
    for (const char* name : {"-a", "A", "../x", "", "probe", "a.toml"}) {
        INFO(name);
        const Ran ran = site.run({"policy", "new", "--", name});
        CHECK(ran.status == 2);
    }
    CHECK(site.run({"tenant", "new", "acme", "--policy", "nope"}).status == 3);
    CHECK(site.run({"tenant", "new", "acme", "--policy", "default", "--policy", "default"}).status == 2);
    CHECK(site.run({"tenant", "new", "acme", "--policy", "x\"]"}).status == 2);
    const Ran ran = site.run({"policy", "new", "mine", "--extends", "nope"});
    CHECK(ran.status == 3);
    CHECK_THAT(ran.err, Catch::Contains("policy nope: there is no nope.toml in "));
    CHECK_FALSE(fs::exists(site.path("admin")));
}

TEST_CASE("no file is ever replaced, nor written through a link, and none is left beside it") {
    const SiteFolder site;
    REQUIRE(site.run({"policy", "new", "mine"}).status == 0);
    REQUIRE(site.run({"tenant", "new", "acme"}).status == 0);
    site.write("admin/policies/mine.toml", "# mine\n");
    fs::create_symlink(site.path("elsewhere"), site.path("admin/tenants/linked.toml"));
    const Ran again = site.run({"policy", "new", "mine"});
    CHECK(again.status == 1);
    CHECK_THAT(again.err, Catch::Contains("mine.toml is there already"));
    CHECK(read_file(site.path("admin/policies/mine.toml")) == "# mine\n");
    CHECK(site.run({"tenant", "new", "linked"}).status == 1);
    CHECK_FALSE(fs::exists(site.path("elsewhere")));
    for (const char* folder : {"admin/policies", "admin/tenants"})
        for (const auto& entry : fs::directory_iterator(site.path(folder)))
            CHECK_FALSE(entry.path().filename().string().starts_with("."));
}
