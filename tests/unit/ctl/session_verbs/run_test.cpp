#include "loopback_api.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::LoopbackApi;
using test::Ran;
namespace fs = std::filesystem;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

/// A folder with scripts, which is the current one.
struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "run-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        fs::current_path(name);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        const fs::path here = fs::current_path();
        fs::current_path(before);
        fs::remove_all(here);
    }
    fs::path before = fs::current_path();
};

constexpr const char* kStartLines = "REST server started on host 198.18.0.1 port 50000\n";

struct Service {
    std::string failing = "none", printed;
    std::function<void(const std::string&)> on_command = [](const std::string&) {};
    mutable std::atomic<bool> deleted = false;
    std::string answer(const std::string& request) const {
        if (request.find("/commands ") != std::string::npos) {
            const auto command =
                nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4))["command"]
                    .get<std::string>();
            on_command(command);
            nlohmann::json error;
            if (command == failing)
                error = {{"type", "UserError"}, {"message", "bad"}};
            return test::json_answer(200,
                                     nlohmann::json{{"log", {{"note", {command}}}}, {"error", error}}.dump());
        }
        if (request.find("/logs?") != std::string::npos && request.find("follow=1") == std::string::npos)
            return test::json_answer(200, kStartLines);
        if (request.find("/logs?") != std::string::npos)
            return test::json_answer(200, request.find("stdout") != std::string::npos ? printed : "");
        if (request.starts_with("DELETE") || request.starts_with("POST /v1/sessions "))
            deleted = request.starts_with("DELETE");
        if (request.starts_with("GET") && request.find("/files/") != std::string::npos)
            return test::json_answer(200, "fetched");
        return test::json_answer(200,
                                 nlohmann::json{{"id", kId}, {"state", deleted ? "ended" : "ready"}}.dump());
    }
};

Ran run_job(const LoopbackApi& api, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    return test::run(api, std::move(arguments));
}

bool ended(const LoopbackApi& api) {
    return std::ranges::any_of(api.requests(), [](const std::string& request) {
        return request.starts_with("DELETE /v1/sessions/abcdefghijklmnop?grace_seconds=0 ");
    });
}

} // namespace

TEST_CASE("a job sends its files, runs its scripts in turn, fetches what it made, and its session ends") {
    const Folder folder;
    write_file_atomically("a.cxc", "open x.pdb\n# no command\nsave y.png\n", 0600);
    write_file_atomically("b.cxc", "turn y 30\n", 0600);
    write_file_atomically("x.pdb", "atoms", 0600);
    const Service service;
    const LoopbackApi api([&](const std::string& request) { return service.answer(request); });
    const Ran ran = run_job(api, {"-p", "batch", "-t", "acme", "--in", "x.pdb", "--out", "/work/sub/y.png",
                                  "--", "a.cxc", "b.cxc"});
    CHECK(ran.status == 0);
    CHECK(ran.out == "open x.pdb\nsave y.png\nturn y 30\n");
    CHECK(read_file("y.png") == "fetched");
    const std::vector<std::string> requests = api.requests();
    CHECK(requests[0].find(R"({"tenant":"acme","policy":"batch","name":"run a.cxc","max_restarts":0})") !=
          std::string::npos);
    std::vector<std::string> puts;
    for (const std::string& request : requests)
        if (request.starts_with("PUT "))
            puts.push_back(request.substr(0, request.find(" HTTP")));
    CHECK(puts == std::vector<std::string>{"PUT /v1/sessions/abcdefghijklmnop/files/x.pdb",
                                           "PUT /v1/sessions/abcdefghijklmnop/files/a.cxc",
                                           "PUT /v1/sessions/abcdefghijklmnop/files/b.cxc"});
    CHECK(ran.err.find("fetched y.png (7)") != std::string::npos);
    CHECK(ended(api));
}

TEST_CASE("a job stops at the first command that fails, with exit status 1, and its session ends") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\ntwo\nthree\n", 0600);
    Service service;
    service.failing = "two";
    const LoopbackApi api([&](const std::string& request) { return service.answer(request); });
    const Ran ran = run_job(api, {"a.cxc", "--out", "partial"});
    CHECK(ran.status == 1);
    CHECK(ran.out == "one\ntwo\n");
    CHECK(ran.err.find("stopped at command 2 of 3 of a.cxc: two") != std::string::npos);
    CHECK(read_file("partial") == "fetched"); // what there is of it
    CHECK(ended(api));
}

TEST_CASE("exit in a script ends the job with its status, and is no command for ChimeraX") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\nexit\ntwo\n", 0600);
    write_file_atomically("b.cxc", "exit 3\n", 0600);
    const Service service;
    const LoopbackApi api([&](const std::string& request) { return service.answer(request); });
    CHECK(run_job(api, {"a.cxc"}).out == "one\n");
    CHECK(run_job(api, {"a.cxc"}).status == 0);
    CHECK(run_job(api, {"b.cxc"}).status == 3);
    CHECK(ended(api));
}

TEST_CASE("a signal ends a job and its session, and is the exit status") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\ntwo\nthree\n", 0600);
    const int number = GENERATE(SIGINT, SIGTERM, SIGHUP);
    const pthread_t job = ::pthread_self();
    Service service;
    service.on_command = [&](const std::string& command) {
        if (command == "two")
            ::pthread_kill(job, number); // it is blocked there, and taken as a descriptor
    };
    const LoopbackApi api([&](const std::string& request) { return service.answer(request); });
    const Ran ran = run_job(api, {"a.cxc"});
    CHECK(ran.status == 128 + number);
    CHECK(ran.out.find("three") == std::string::npos);
    CHECK(ended(api));
}

TEST_CASE("a job that cannot be right makes no session") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\n", 0600);
    write_file_atomically("empty.cxc", "# nothing\n", 0600);
    fs::create_directory("d");
    write_file_atomically("d/a.cxc", "one\n", 0600);
    const LoopbackApi api([](const std::string&) { return test::json_answer(500, "{}"); });
    for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                   {"empty.cxc"},
                                                                   {"a.cxc", "d/a.cxc"},
                                                                   {"a.cxc", "--out", "/etc/x"},
                                                                   {"a.cxc", "--out", "a/x", "--out", "b/x"},
                                                                   {"a.cxc", "--memory", "much"}})
        CHECK(run_job(api, words).status == 2);
    CHECK(run_job(api, {"missing.cxc"}).status == 3);
    CHECK(run_job(api, {"a.cxc", "--in", "d"}).status == 3);
    CHECK(api.requests().empty());
}

TEST_CASE("a job whose ChimeraX ends by itself has ChimeraX' own exit status, and tells how it ended") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\ntwo\n", 0600);
    const auto [end, status] = GENERATE(table<std::string, int>({
        {R"({"reason":"exited","exit_status":3,"message":"it exited"})", 3},
        {R"({"reason":"signalled","signal":6,"message":"it died of SIGABRT"})", 134},
        {R"({"reason":"oom","signal":9,"message":"it had no memory"})", 137},
        {R"({"reason":"exited","signal":6,"message":"it was told to exit"})",
         3}, // 0, but for what was wanted
        {R"({"reason":"lifetime","exit_status":0,"message":"its time was over"})", 1},
    }));
    const std::string session = R"({"id":"abcdefghijklmnop","state":"ended","end":)" + end + "}";
    std::atomic<bool> has_ended = false;
    const LoopbackApi api([&](const std::string& request) {
        if (request.find("/commands ") != std::string::npos) {
            has_ended = true;
            return test::json_answer(502, R"({"code":"engine","detail":"closed the connection"})");
        }
        if (request.find("/logs?") != std::string::npos)
            return test::json_answer(200, request.find("follow=1") == std::string::npos ? kStartLines : "");
        if (has_ended && request.starts_with("GET /v1/sessions/abcdefghijklmnop "))
            return test::json_answer(410, R"({"code":"gone","session":)" + session + "}");
        return test::json_answer(has_ended ? 410 : 200, R"({"id":"abcdefghijklmnop","state":"ready"})");
    });
    const Ran ran = run_job(api, {"a.cxc", "--out", "x"});
    CHECK(ran.status == status);
    CHECK(ran.err.find(nlohmann::json::parse(end)["message"].get<std::string>()) != std::string::npos);
    CHECK(ran.err.find("did not fetch x") != std::string::npos);
    CHECK(ran.err.find("closed the connection") == std::string::npos);
}

TEST_CASE("a command that takes too long ends a job with exit status 6, and its session") {
    const Folder folder;
    write_file_atomically("a.cxc", "one\n", 0600);
    const Service service;
    const LoopbackApi api([&](const std::string& request) {
        if (request.find("/commands ") != std::string::npos)
            return test::json_answer(504, R"({"code":"timed_out","detail":"late","cure":"It still runs."})");
        return service.answer(request);
    });
    const Ran ran = run_job(api, {"a.cxc", "--timeout", "8s", "--out", "x"});
    CHECK(ran.status == 6);
    CHECK(ran.err.find("longer than 8s, and is ended with its session") != std::string::npos);
    CHECK(ran.err.find("still runs") == std::string::npos);
    CHECK(read_file("x") == "fetched");
    CHECK(ended(api));
}
