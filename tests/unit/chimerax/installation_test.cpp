#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/installation.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

using sandbox::Errc;
using sandbox::Error;
using sandbox::chimerax::command_line;
using sandbox::chimerax::find_installation;
using sandbox::chimerax::Installation;
namespace fs = std::filesystem;

namespace {

/// A folder with made-up installations, gone with the test.
class Trees {
  public:
    Trees() {
        std::string path = fs::temp_directory_path() / "installation-XXXXXX";
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        base_ = fs::canonical(path);
    }
    ~Trees() { fs::remove_all(base_); }
    Trees(const Trees&) = delete;
    Trees& operator=(const Trees&) = delete;

    /// Gives the root. What `core` names is the version that the bundle in the tree tells.
    std::string add(const std::string& name, const std::string& core = {}) const {
        const fs::path root = base_ / name;
        fs::create_directories(root / "bin");
        std::ofstream(root / "bin/ChimeraX") << "#!/bin/sh\necho ran > " << (base_ / "ran").string() << "\n";
        fs::permissions(root / "bin/ChimeraX", fs::perms(0755));
        if (!core.empty())
            fs::create_directories(root / "lib/python3.11/site-packages" /
                                   ("ChimeraX_Core-" + core + ".dist-info"));
        return root;
    }
    std::string path(const std::string& name) const { return base_ / name; }
    Installation find() const { return find_installation(std::nullopt, patterns()); }
    std::vector<std::string> patterns() const {
        return {path("ucsf-chimerax*/bin/ChimeraX"), path("UCSF-ChimeraX*/bin/ChimeraX"),
                path("standin/bin/ChimeraX")};
    }
    bool was_run() const { return fs::exists(base_ / "ran"); }

  private:
    fs::path base_;
};

Errc code_of(const std::optional<std::string>& executable, const std::vector<std::string>& patterns = {}) {
    try {
        find_installation(executable, patterns);
    } catch (const Error& error) {
        CHECK_FALSE(error.cure().empty());
        return error.code();
    }
    return Errc::internal;
}

} // namespace

TEST_CASE("what a policy names wins, its link is followed to the real tree") {
    const Trees trees;
    trees.add("ucsf-chimerax-2.0");
    const std::string root = trees.add("elsewhere");
    fs::create_symlink(root + "/bin/ChimeraX", trees.path("chimerax"));
    const Installation found = find_installation(trees.path("chimerax"), trees.patterns());
    CHECK(found.executable == root + "/bin/ChimeraX");
    CHECK(found.root == root);
    CHECK_FALSE(found.stand_in);
}

TEST_CASE("versions compare as numbers, newest first, whichever place they are in") {
    const Trees trees;
    trees.add("ucsf-chimerax-1.9");
    const std::string newest = trees.add("UCSF-ChimeraX-1.11.1");
    trees.add("UCSF-ChimeraX-1.11");
    trees.add("ucsf-chimerax-1.10");
    CHECK(trees.find().root == newest);
}

TEST_CASE("a tree without a version in its name tells it by its core bundle") {
    const Trees trees;
    trees.add("UCSF-ChimeraX-1.9");
    const std::string newest = trees.add("ucsf-chimerax", "1.10.1");
    CHECK(trees.find().root == newest);
}

TEST_CASE("releases come before technical previews, those before daily builds, whatever their versions") {
    const Trees trees;
    const std::string daily = trees.add("ucsf-chimerax-daily", "9.0");
    CHECK(trees.find().root == daily);
    const std::string preview = trees.add("UCSF-ChimeraX-techpreview", "2.0");
    CHECK(trees.find().root == preview);
    const std::string release = trees.add("ucsf-chimerax", "1.2");
    CHECK(trees.find().root == release);
}

TEST_CASE("the stand-in is known by its marker, comes last, and nothing is ever run") {
    const Trees trees;
    const std::string standin = trees.add("standin");
    std::ofstream(standin + "/STAND-IN") << "stand-in\n";
    CHECK(trees.find().root == standin);
    CHECK(trees.find().stand_in);
    const std::string daily = trees.add("ucsf-chimerax-daily");
    CHECK(trees.find().root == daily);
    CHECK_FALSE(trees.find().stand_in);
    CHECK(find_installation(standin + "/bin/ChimeraX", trees.patterns()).stand_in);
    CHECK_FALSE(trees.was_run());
}

TEST_CASE("a file that nobody may run, a folder, a dangling link and another program are passed over") {
    const Trees trees;
    const std::string bad = trees.add("ucsf-chimerax-3.0");
    fs::permissions(bad + "/bin/ChimeraX", fs::perms(0644));
    fs::create_directories(trees.path("ucsf-chimerax-4.0/bin/ChimeraX"));
    fs::create_directories(trees.path("ucsf-chimerax-5.0/bin"));
    fs::create_symlink("/nonexistent", trees.path("ucsf-chimerax-5.0/bin/ChimeraX"));
    fs::create_directories(trees.path("ucsf-chimerax-6.0/bin"));
    fs::create_symlink("/bin/sh", trees.path("ucsf-chimerax-6.0/bin/ChimeraX")); // some other program
    const std::string good = trees.add("ucsf-chimerax-1.0");
    CHECK(trees.find().root == good);
}

TEST_CASE("nothing found says where it looked and what to do") {
    const Trees trees;
    try {
        trees.find();
        FAIL("something was found");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::not_found);
        for (const std::string& pattern : trees.patterns())
            CHECK((error.cure().find(pattern) != std::string::npos) ==
                  (pattern.find("chimerax-standin") == std::string::npos));
        CHECK(error.cure().find("executable") != std::string::npos);
        CHECK(error.cure().find("https://www.cgl.ucsf.edu/chimerax/download.html") != std::string::npos);
    }
}

TEST_CASE("a named file that is missing, not executable, or would show the host is refused") {
    const Trees trees;
    CHECK(code_of(trees.path("missing")) == Errc::not_found);
    const std::string root = trees.add("x");
    fs::permissions(root + "/bin/ChimeraX", fs::perms(0750));
    CHECK(code_of(root + "/bin/ChimeraX") == Errc::denied);
    CHECK(code_of(root) == Errc::denied);
    // A program right below /: its tree would be all of the host.
    if (!fs::is_symlink("/bin"))
        CHECK(code_of("/bin/sh") == Errc::invalid_argument);
}

TEST_CASE("the stand-in's places come after every real one") {
    const std::vector<std::string> patterns = sandbox::chimerax::search_patterns();
    bool seen = false;
    for (const std::string& pattern : patterns) {
        const bool standin = pattern.find("chimerax-standin") != std::string::npos;
        CHECK((standin || !seen));
        seen = seen || standin;
    }
    CHECK(seen);
}

TEST_CASE("the command line is the measured one, the policy's arguments before the REST start") {
    CHECK(command_line("/x/bin/ChimeraX", 50000, {"--silent"}) ==
          std::vector<std::string>{"/x/bin/ChimeraX", "--nogui", "--offscreen", "--nocolor", "--silent",
                                   "--cmd", "remotecontrol rest start port 50000 json true"});
}
