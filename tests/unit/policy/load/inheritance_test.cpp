#include "policy/load/inheritance.hpp"
#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

TEST_CASE("a child's tables merge over its parent's, arrays and values replace") {
    const PolicyFolder folder;
    folder.write("base.toml", R"(
description = "base"
[chimerax]
arguments = ["--a", "--b"]
environment = { A = "1", B = "2" }
[resources]
cpus = 2
pids_max = 77
)");
    folder.write("middle.toml",
                 "extends = \"base\"\n[chimerax]\nenvironment.B = \"3\"\n[resources]\ncpus = \"none\"");
    const Policy policy =
        folder.load_text("extends = \"middle\"\n[chimerax]\narguments = [\"--c\"]\nenvironment.C = \"4\"");
    CHECK(policy.description == "base");
    CHECK(policy.chimerax.arguments == std::vector<std::string>{"--c"});
    CHECK(policy.chimerax.environment ==
          std::map<std::string, std::string>{{"A", "1"}, {"B", "3"}, {"C", "4"}});
    CHECK(policy.resources.pids_max == 77);
    CHECK(policy.resources.cpus == std::nullopt);
}

TEST_CASE("merged values keep the file, line and column that wrote them") {
    const PolicyFolder folder;
    folder.write("base.toml", "\n\n[filesystem]\nbinds = [\"/usr\", \"/proc\"]");
    CHECK_THAT(folder.without_path(error_of([&] { folder.load_text("extends = \"base\""); }).what()),
               Catch::StartsWith("base.toml:4:18: filesystem.binds[1]: value \"/proc\": "));
    CHECK_THAT(folder.without_path(error_of([&] {
                                       folder.load_text(
                                           "extends = \"base\"\n[filesystem]\nbinds = [\"/dev\"]");
                                   }).what()),
               Catch::StartsWith("test.toml:3:10: filesystem.binds[0]: value \"/dev\": "));
}

TEST_CASE("an error in a parent names the parent's file") {
    const PolicyFolder folder;
    folder.write("base.toml", "[resources]\ncpus = true");
    CHECK_THAT(folder.without_path(error_of([&] { folder.load_text("extends = \"base\""); }).what()),
               Catch::StartsWith("base.toml:2:8: resources.cpus: value true: must be"));
}

TEST_CASE("a circle of extends is refused with all of its names") {
    const PolicyFolder folder;
    folder.write("a.toml", "extends = \"b\"");
    folder.write("b.toml", "extends = \"c\"");
    folder.write("c.toml", "\nextends = \"a\"");
    const Error error = error_of([&] { folder.load("a"); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK(folder.without_path(error.what()) ==
          "c.toml:2:11: extends: value \"a\": must not go round in a circle: a -> b -> c -> a");
    CHECK_THAT(error_of([&] { folder.load_text("extends = \"test\""); }).what(),
               Catch::Contains("test -> test"));
}

TEST_CASE("a missing parent is the child's mistake, at its extends") {
    const PolicyFolder folder;
    const Error error = error_of([&] { folder.load_text("extends = \"nope\""); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK_THAT(
        folder.without_path(error.what()),
        Catch::StartsWith("test.toml:1:11: extends: value \"nope\": must be the name of a policy in "));
}

TEST_CASE("eight policies may extend one another, nine may not") {
    const PolicyFolder folder;
    folder.write("p1.toml", "[resources]\npids_max = 9");
    for (int i = 2; i <= 9; ++i)
        folder.write("p" + std::to_string(i) + ".toml", "extends = \"p" + std::to_string(i - 1) + "\"");
    CHECK(folder.load("p8").resources.pids_max == 9);
    CHECK_THAT(folder.without_path(error_of([&] { folder.load("p9"); }).what()),
               Catch::StartsWith(
                   "p2.toml:1:11: extends: value \"p1\": must not make a chain of more than 8 policies"));
}
