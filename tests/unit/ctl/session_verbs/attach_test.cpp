#include "ctl/cli/cli.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/file.hpp"

#include <array>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::LoopbackApi;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

struct Ran {
    int status;
    std::string out, err;
};

Ran attach(const LoopbackApi& api, const std::string& input) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    {
        const UniqueFd writer(ends[1]);
        write_all(writer.get(), input, "a pipe");
    }
    std::ostringstream out, err;
    const int status =
        ctl::run({"--host", api.address(), "attach", kId}, {.out = out, .err = err, .input = reader.get()});
    return {status, out.str(), err.str()};
}

std::string event(const std::string& state, const std::string& previous) {
    const nlohmann::json data{
        {"type", "state"}, {"at", "now"}, {"state", state}, {"previous_state", previous}};
    return "id: 1\nevent: state\ndata: " + data.dump() + "\n\n";
}

std::string stream_of(const std::string& events) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events;
}

std::string result(const std::string& note, bool fails = false) {
    const nlohmann::json error{{"type", "UserError"}, {"message", "bad"}};
    return nlohmann::json{{"log", {{"note", {note}}}}, {"error", fails ? error : nlohmann::json(nullptr)}}
        .dump();
}

/// A session whose events and answers the test gives.
struct Session {
    std::string events, state = "ready";
    bool fails = false;
    std::string answer(const std::string& request) const {
        if (request.find("/events ") != std::string::npos)
            return stream_of(events);
        if (request.find("/commands ") != std::string::npos)
            return test::json_answer(200, result("a note\n", fails));
        return test::json_answer(200, nlohmann::json{{"id", kId}, {"state", state}}.dump());
    }
};

} // namespace

TEST_CASE("lines that are piped in are commands, and their log comes out") {
    const Session session;
    const LoopbackApi api([&](const std::string& request) { return session.answer(request); },
                          test::Afterwards::close);
    const Ran ran = attach(api, "open 1abc\n\n  \nturn y -30");
    CHECK(ran.status == 0);
    CHECK(ran.out == "a note\na note\n");
    std::vector<std::string> commands;
    for (const std::string& request : api.requests())
        if (request.starts_with("POST") && request.find("/commands ") != std::string::npos)
            commands.push_back(request.substr(request.find("\r\n\r\n") + 4));
    CHECK(commands == std::vector<std::string>{R"({"command":"open 1abc"})", R"({"command":"turn y -30"})"});
}

TEST_CASE("a command that fails does not end it, but decides the exit status") {
    Session session;
    session.fails = true;
    const LoopbackApi api([&](const std::string& request) { return session.answer(request); },
                          test::Afterwards::close);
    const Ran ran = attach(api, "foo\nbar\n");
    CHECK(ran.status == 1);
    CHECK(ran.err.find("ChimeraX: bad") != std::string::npos);
    CHECK(ran.out == "a note\na note\n");
}

TEST_CASE("a session that has ended is none to attach to") {
    Session session;
    session.state = "ended";
    const LoopbackApi api([&](const std::string& request) { return session.answer(request); });
    CHECK(attach(api, "version\n").status == 3);
}

TEST_CASE("what others do is told, and the end of the session ends the wait for a line") {
    Session session;
    session.events = event("busy", "ready") + event("frozen", "ready") + event("ended", "frozen");
    const LoopbackApi api([&](const std::string& request) { return session.answer(request); },
                          test::Afterwards::close);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]), writer(ends[1]); // nobody ends the input
    std::ostringstream out, err;
    CHECK(ctl::run({"--host", api.address(), "attach", kId},
                   {.out = out, .err = err, .input = reader.get()}) == 3);
    CHECK(err.str().find("ready → frozen") != std::string::npos);
    CHECK(err.str().find("busy") == std::string::npos);
    CHECK(err.str().find("frozen → ended") != std::string::npos);
}
