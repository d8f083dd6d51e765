#include "ctl/workspace.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/ctl/cli.hpp"

#include <filesystem>

#include <catch2/catch.hpp>

using namespace sandbox;
using test::LoopbackApi;
using test::Ran;
using test::run;
namespace fs = std::filesystem;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "cp-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

const std::string kAt = std::string(kId) + ":";

} // namespace

TEST_CASE("paths of a workspace are below /work, however they are written") {
    CHECK(ctl::workspace_path("/work/a/b", "SRC") == "a/b");
    CHECK(ctl::workspace_path("a/b/", "SRC") == "a/b");
    CHECK(ctl::workspace_path("./a", "SRC") == "a");
    for (const char* whole : {"/work", "/work/", "", "."})
        CHECK(ctl::workspace_path(whole, "SRC").empty());
    CHECK_THROWS_AS(ctl::workspace_path("/etc/passwd", "SRC"), Error);
    CHECK_THROWS_AS(ctl::workspace_path("/workspace/x", "SRC"), Error);
}

TEST_CASE("a file is sent as it is, into a folder where the path says so") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(201, "{}"); });
    const Folder folder;
    const std::string local = folder.path / "a b.pdb";
    write_file_atomically(local, std::string(200'000, 'x'), 0600);
    CHECK(run(api, {"cp", local, kAt + "/work/in.pdb"}).status == 0);
    CHECK(run(api, {"cp", local, kAt + "sub/"}).status == 0);
    CHECK(run(api, {"cp", local, kAt}).status == 0);
    const std::vector<std::string> requests = api.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/in.pdb "));
    CHECK(requests[0].ends_with("\r\n\r\n" + std::string(200'000, 'x')));
    CHECK(requests[1].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/sub/a%20b.pdb "));
    CHECK(requests[2].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/a%20b.pdb "));
}

TEST_CASE("a folder goes in with its files; links are told of") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(201, "{}"); });
    const Folder folder;
    fs::create_directories(folder.path / "d/e");
    write_file_atomically(folder.path / "d/one", "1", 0600);
    write_file_atomically(folder.path / "d/e/two", "2", 0600);
    fs::create_symlink("/etc/passwd", folder.path / "d/link");
    CHECK(run(api, {"cp", folder.path / "d", kAt}).status == 2);
    CHECK(api.requests().empty());
    const Ran ran = run(api, {"cp", "-r", folder.path / "d", kAt + "there"});
    CHECK(ran.status == 0);
    CHECK(ran.err.find("left out 1") != std::string::npos);
    REQUIRE(api.requests().size() == 2);
    std::vector<std::string> requests = api.requests();
    std::ranges::sort(requests);
    CHECK(requests[0].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/there/e/two "));
    CHECK(requests[1].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/there/one "));
}

TEST_CASE("a folder comes out, and a session chooses no place outside of it") {
    std::string names = R"({"name":"f","type":"file"},{"name":"l","type":"link"})";
    const LoopbackApi api([&](const std::string& request) {
        if (request.find("?list=1 ") != std::string::npos)
            return test::json_answer(200, R"({"entries":[)" + names + R"(],"truncated":false})");
        return test::json_answer(200, "content");
    });
    const Folder folder;
    const std::string out = folder.path / "out";
    CHECK(run(api, {"cp", "-r", kAt + "/work/d", out}).status == 0);
    CHECK(read_file(out + "/f") == "content");
    CHECK(std::distance(fs::directory_iterator(out), {}) == 1);
    for (const char* hostile : {"..", "../x", "/etc/x", "", "."}) {
        names = R"({"name":")" + std::string(hostile) + R"(","type":"file"})";
        CHECK(run(api, {"cp", "-r", kAt + "d", folder.path / "bad"}).status == 1);
    }
    CHECK_FALSE(fs::exists(folder.path / "x"));
}

TEST_CASE("of a file that comes out only in part nothing is left, and the old one stays") {
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
    const LoopbackApi api([&](const std::string&) { return answer; }, test::Afterwards::close);
    const Folder folder;
    const std::string local = folder.path / "f";
    write_file_atomically(local, "old", 0600);
    CHECK(run(api, {"cp", kAt + "f", local}).status == 1);
    CHECK(read_file(local) == "old");
    CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
    answer = test::json_answer(200, "new");
    CHECK(run(api, {"cp", kAt + "f", folder.path}).status == 0);
    CHECK(read_file(local) == "new");
    CHECK(run(api, {"cp", kAt + "f", "-"}).out == "new");
}

TEST_CASE("a copy that is none is said before anything is asked") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(200, "{}"); });
    const Folder folder;
    for (const auto& words : std::vector<std::vector<std::string>>{{"cp", "a", "b"},
                                                                   {"cp", kAt + "a", kAt + "b"},
                                                                   {"cp", kAt + "/etc/passwd", "x"},
                                                                   {"cp", kAt, folder.path},
                                                                   {"cp", "-r", kAt + "d", "-"}}) {
        CAPTURE(words);
        CHECK(run(api, words).status == 2);
    }
    CHECK(run(api, {"cp", folder.path / "missing", kAt}).status == 3);
    CHECK(api.requests().empty());
}
