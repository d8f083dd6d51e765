#include "ctl/cli/cli.hpp"
#include "ctl/jobs/workspace.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

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

/// In the order of their paths.
std::vector<std::string> puts_of(const LoopbackApi& api) {
    std::vector<std::string> puts;
    for (const std::string& request : api.requests())
        if (request.starts_with("PUT "))
            puts.push_back(request);
    return puts;
}

std::string files_route(const std::string& path) {
    return "PUT /v1/sessions/abcdefghijklmnop/files/" + path + " ";
}

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
    const std::vector<std::string> requests = puts_of(api);
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/in.pdb "));
    CHECK(requests[0].ends_with("\r\n\r\n" + std::string(200'000, 'x')));
    CHECK(requests[1].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/sub/a%20b.pdb "));
    CHECK(requests[2].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/a%20b.pdb "));
}

TEST_CASE("a folder goes in with all that is in it; links are followed, and what cannot be copied is named") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(201, "{}"); });
    const Folder folder;
    fs::create_directories(folder.path / "d/e");
    fs::create_directories(folder.path / "d/empty");
    write_file_atomically(folder.path / "d/l\xe9", "1", 0600);
    write_file_atomically(folder.path / "d/e/two", "2", 0600);
    fs::create_symlink("e/two", folder.path / "d/link");
    CHECK(run(api, {"cp", folder.path / "d", kAt}).status == 2);
    CHECK(api.requests().empty());
    SECTION("all can be") {
        const Ran ran = run(api, {"cp", "-r", folder.path / "d", kAt + "there/"});
        CHECK(ran.status == 0);
        const std::vector<std::string> puts = puts_of(api);
        REQUIRE(puts.size() == 4);
        CHECK(puts[0].starts_with(files_route("there/d/e/two")));
        CHECK(puts[1].starts_with("PUT /v1/sessions/abcdefghijklmnop/files/there/d/empty/.sandboxctl-"));
        CHECK(puts[2].starts_with(files_route("there/d/link")));
        CHECK(puts[2].ends_with("\r\n\r\n2"));
        CHECK(puts[3].starts_with(files_route("there/d/l%E9")));
    }
    SECTION("some cannot") {
        fs::create_symlink("nowhere", folder.path / "d/dangling");
        fs::create_symlink("..", folder.path / "d/e/loop");
        REQUIRE(::mkfifo((folder.path / "d/fifo").c_str(), 0600) == 0);
        const Ran ran = run(api, {"cp", "-r", folder.path / "d", kAt + "there"});
        CHECK(ran.status == 1);
        for (const char* name : {"d/dangling", "d/e/loop", "d/fifo"})
            CHECK(ran.err.find(name) != std::string::npos);
        CHECK(puts_of(api).size() == 4);
    }
}

TEST_CASE("what goes in is called as it was named, a link too, and goes into a folder that is there") {
    const LoopbackApi api([](const std::string& request) {
        const bool is_folder = request.find("/files/there?list=1 ") != std::string::npos;
        return is_folder ? test::json_answer(200, R"({"entries":[],"truncated":false})")
                         : test::json_answer(201, "{}");
    });
    const Folder folder;
    write_file_atomically(folder.path / "model-7.pdb", "7", 0600);
    fs::create_symlink("model-7.pdb", folder.path / "latest.pdb");
    CHECK(run(api, {"cp", folder.path / "latest.pdb", kAt}).status == 0);
    CHECK(run(api, {"cp", folder.path / "latest.pdb", kAt + "there"}).status == 0);
    CHECK(run(api, {"cp", folder.path / "latest.pdb", kAt + "new"}).status == 0);
    const std::vector<std::string> puts = puts_of(api);
    REQUIRE(puts.size() == 3);
    CHECK(puts[0].starts_with(files_route("latest.pdb")));
    CHECK(puts[1].starts_with(files_route("there/latest.pdb")));
    CHECK(puts[2].starts_with(files_route("new")));
}

TEST_CASE("a folder comes out, and a session chooses no place outside of it") {
    std::string names =
        R"({"name":"f","type":"file"},{"name":"l\ufffd","name_encoded":"l%E9","type":"file"})";
    const LoopbackApi api([&](const std::string& request) {
        if (request.find("&after=l%E9 ") != std::string::npos)
            return test::json_answer(200, R"({"entries":[{"name":"m","type":"other"}],"truncated":false})");
        if (request.find("?list=1 ") != std::string::npos)
            return test::json_answer(200, R"({"entries":[)" + names + R"(],"truncated":true,"next":"l%E9"})");
        return test::json_answer(200, "content");
    });
    const Folder folder;
    const std::string out = folder.path / "out";
    const Ran ran = run(api, {"cp", "-r", kAt + "/work/d", out});
    CHECK(ran.status == 1);
    CHECK(ran.err.find("/work/d/m") != std::string::npos);
    CHECK(read_file(out + "/f") == "content");
    CHECK(read_file(out + "/l\xe9") == "content");
    CHECK(std::distance(fs::directory_iterator(out), {}) == 2);
    for (const char* hostile : {"..", "../x", "/etc/x", "", "."}) {
        names = R"({"name":")" + std::string(hostile) + R"(","type":"file"})";
        CHECK(run(api, {"cp", "-r", kAt + "d", folder.path / "bad"}).status == 1);
    }
    CHECK_FALSE(fs::exists(folder.path / "x"));
}

TEST_CASE("what cannot be read in a session is named, and the rest is copied") {
    const LoopbackApi api([&](const std::string& request) {
        if (request.find("/files/d?list=1 ") != std::string::npos)
            return test::json_answer(200,
                                     R"({"entries":[{"name":"a","type":"folder"},{"name":"b","type":"file"},
                {"name":"c","type":"link"},{"name":"d","type":"file"}],"truncated":false})");
        if (request.find("/files/d/d ") != std::string::npos)
            return test::json_answer(200, "content");
        return test::json_answer(403, R"({"code":"denied","detail":"this may not be read"})");
    });
    const Folder folder;
    const Ran ran = run(api, {"cp", "-r", kAt + "d", folder.path / "out"});
    CHECK(ran.status == 1);
    for (const char* name : {"/work/d/a", "/work/d/b", "/work/d/c"})
        CHECK(ran.err.find(std::string("left out ") + name + ": this may not be read") != std::string::npos);
    CHECK(read_file(folder.path / "out/d") == "content");
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
                                                                   {"cp", "-r", kAt + "d", "-"},
                                                                   {"cp", "-r", "-", kAt + "d"},
                                                                   {"cp", "-", kAt}}) {
        CAPTURE(words);
        CHECK(run(api, words).status == 2);
    }
    CHECK(run(api, {"cp", folder.path / "missing", kAt}).status == 3);
    CHECK(api.requests().empty());
}
