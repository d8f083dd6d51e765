// Commands over the API: the shape of their answers, and what waits for a session's start.
#include "api_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;
using namespace std::chrono_literals;

namespace {

const std::string kAcme = "acme-token";

struct Ready {
    Ready() : id(api.world.ready().session.id), engine(api.world.launcher->sandbox(id).engine) {}

    Answer post(const json& body, int status = 200) {
        Answer answer = api.ask("POST", "/v1/sessions/" + id + "/commands", kAcme, body.dump());
        INFO(answer.body);
        CHECK(answer.status == status);
        return answer;
    }
    json run(const json& body, int status = 200) { return json::parse(post(body, status).body); }

    ApiWorld api;
    std::string id;
    test::FakeEngine& engine;
};

/// A session whose sandbox is not made until the launcher is let go on.
struct Starting {
    explicit Starting(const std::function<void(policy::Site&, manager::Tuning&)>& change = {}) : api(change) {
        (*api.world.launcher)->holds_launches = true;
        id = api.world.create().session.id;
        path = "/v1/sessions/" + id;
        api.world.until([&] { return api.world.state(id) == manager::State::starting; }, "it starts");
    }
    UniqueFd begin(const std::string& method, const std::string& route, const std::string& body = {}) {
        UniqueFd connection = api.begin(method, path + route, kAcme, body);
        api.world.settle();
        return connection;
    }
    void go_on() {
        (*api.world.launcher)->holds_launches = false;
        (*api.world.launcher)->changed.notify();
    }

    ApiWorld api;
    std::string id, path;
};

} // namespace

TEST_CASE("the answer to commands has a result for each, and all of them joined") {
    Ready ready;
    ready.engine->answers["first"] =
        R"({"json values": ["[1, NaN]", null], "log messages": {"note": ["a"], "warning": ["w"]}, "error": null})";
    const json answer = ready.run({{"commands", {"first; x", "second"}}});
    CHECK(answer["ok"] == true);
    CHECK(answer["failed"].is_null());
    CHECK(answer["hint"].is_null());
    CHECK(answer["values"] == json::parse("[[1, null], null, null]"));
    CHECK(answer["log"]["note"].size() == 2);
    CHECK(answer["log"]["warning"] == json{"w"});
    REQUIRE(answer["results"].size() == 2);
    const json& first = answer["results"][0];
    CHECK(first["command"] == "first; x");
    CHECK(first["values"] == json::parse("[[1, null], null]"));
    CHECK(first["log"]["note"] == json{"a"});
    CHECK(first["duration_seconds"] <= answer["duration_seconds"]);
    CHECK(answer["results"][1]["command"] == "second");
}

TEST_CASE("the fields of a single command are what they were, with its result beside them") {
    Ready ready;
    ready.engine->fails_on = "bad";
    const json answer = ready.run({{"command", "bad"}});
    CHECK(answer["ok"] == false);
    CHECK(answer["values"] == json::array());
    CHECK(answer["error"] == json{{"type", "UserError"}, {"message", "No room"}});
    CHECK(answer["failed"] == 0);
    REQUIRE(answer["results"].size() == 1);
    CHECK(answer["results"][0]["error"] == answer["error"]);
}

TEST_CASE("a command that fails ends the list, keeps what came before, and is named") {
    Ready ready;
    ready.engine->fails_on = "bad";
    const json answer = ready.run({{"commands", {"a", "bad", "c"}}});
    CHECK(answer["ok"] == false);
    CHECK(answer["failed"] == 1);
    CHECK(answer["values"].size() == 1);
    CHECK(answer["results"].size() == 2);
    CHECK(answer["error"]["message"] == "No room");
    CHECK(ready.engine->ran.size() == 2);
}

TEST_CASE("a fetch that fails for want of a network has the cure beside its error") {
    Ready ready;
    ready.engine->answers["1abc"] =
        R"({"json values": [], "error": {"type": "UserError", "message": "Fetching url failed:\n<urlopen error [Errno -2] Name or service not known>"}})";
    const json answer = ready.run({{"command", "open 1abc"}});
    CHECK(answer["hint"].get<std::string>().find("sandboxctl cp") != std::string::npos);
    CHECK(answer["results"][0]["hint"] == answer["hint"]);
}

TEST_CASE("where an answer is lost the problem has the results before it, and which one it was") {
    Ready ready;
    ready.engine->answers["lost"] = "<html>\xff";
    const json problem = ready.run({{"commands", {"a", "lost", "c"}}}, 502);
    CHECK(problem["state_may_have_changed"] == true);
    CHECK(problem["failed"] == 1);
    REQUIRE(problem["results"].size() == 1);
    CHECK(problem["results"][0]["command"] == "a");
    const json single = ready.run({{"command", "lost"}}, 502);
    CHECK(single["state_may_have_changed"] == true);
    CHECK(single["results"].empty());
    CHECK(single["failed"] == 0);
}

TEST_CASE("a value that no JSON reader takes comes as its text, and the log with it") {
    Ready ready;
    const std::string deep = std::string(5000, '[') + std::string(5000, ']');
    ready.engine->answers["deep"] =
        R"({"json values": [")" + deep +
        R"(", "1e400", "{\"a\": \"\\udce9\"}"], "log messages": {"note": ["caf\udce9"]}})";
    const json answer = ready.run({{"command", "deep"}});
    CHECK(answer["values"] == json{deep, "1e400", {{"a", "\xEF\xBF\xBD"}}});
    CHECK(answer["log"]["note"] == json{"caf\xEF\xBF\xBD"});
}

TEST_CASE("one command of a list that is too long is named, and none is sent") {
    Ready ready;
    const json problem = ready.run({{"commands", {"a", std::string(30'000, '#')}}}, 413);
    CHECK(problem["field"] == "commands.1");
    CHECK(ready.engine->ran.empty());
    CHECK(
        ready.run({{"commands", std::vector<std::string>(4, std::string(20'000, 'x'))}})["results"].size() ==
        4);
}

TEST_CASE("a picture that ChimeraX does not save says that the state may have changed, whatever it says") {
    Ready ready;
    for (const char* answer :
         {R"({"error": {"type": "UserError", "message": "no OpenGL"}})",
          R"({"log messages": {"bug": ["b"]}})", "odd", R"({"json values": [null], "error": null})"}) {
        ready.engine->answers["save"] = answer;
        const Answer picture = ready.api.ask("POST", "/v1/sessions/" + ready.id + "/render", kAcme, "{}");
        INFO(picture.body);
        CHECK(picture.status == 502);
        CHECK(json::parse(picture.body)["state_may_have_changed"] == true);
    }
}

TEST_CASE("a body that is no JSON is refused with the place, half a surrogate pair too") {
    Ready ready;
    const Answer answer = ready.api.ask("POST", "/v1/sessions/" + ready.id + "/commands", kAcme,
                                        R"({"command": "open caf\udce9.pdb"})");
    CHECK(answer.status == 400);
    CHECK(json::parse(answer.body)["detail"].get<std::string>().find("surrogate") != std::string::npos);
}

TEST_CASE("what comes before a session is ready waits for it, on each route") {
    Starting starting;
    std::vector<UniqueFd> waiting;
    waiting.push_back(starting.begin("POST", "/commands", R"({"command": "version"})"));
    waiting.push_back(starting.begin("GET", "/rest/run?command=version"));
    waiting.push_back(starting.begin("PUT", "/files/new.txt", "text"));
    waiting.push_back(starting.begin("GET", "/files/a"));
    waiting.push_back(starting.begin("GET", "/inspect"));
    waiting.push_back(starting.begin("PATCH", "", R"({"name": "x"})"));
    CHECK(starting.api.ask("POST", starting.path + "/touch", kAcme).status == 200);
    starting.go_on();
    const std::vector<int> wanted{200, 200, 201, 200, 200, 200};
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        INFO(i);
        const Answer answer = starting.api.finish(std::move(waiting[i]));
        INFO(answer.body);
        CHECK(answer.status == wanted[i]);
    }
}

TEST_CASE("the log of a session that is not made yet is followed from its beginning") {
    Starting starting;
    (*starting.api.world.launcher)->on_launched = [](test::FakeSandbox& sandbox) {
        sandbox.write("log/stdout.0", "first words\n");
    };
    UniqueFd follower = starting.begin("GET", "/logs?follow=1");
    starting.go_on();
    starting.api.world.wait(starting.id, manager::State::ready);
    starting.api.world.run(starting.api.world.manager().remove(starting.id, {}));
    const Answer answer = starting.api.finish(std::move(follower));
    CHECK(answer.status == 200);
    CHECK(answer.body.find("first words\n") != std::string::npos);
}

TEST_CASE("who waits for a session that ends before it is ready has 410 with its end") {
    Starting starting;
    std::vector<UniqueFd> waiting;
    waiting.push_back(starting.begin("POST", "/commands", R"({"command": "version"})"));
    waiting.push_back(starting.begin("GET", "/files/a"));
    waiting.push_back(starting.begin("PUT", "/files/a", "text"));
    waiting.push_back(starting.begin("POST", "/render"));
    waiting.push_back(starting.begin("POST", "/freeze"));
    UniqueFd removal = starting.begin("DELETE", "");
    starting.go_on();
    for (UniqueFd& connection : waiting) {
        const Answer answer = starting.api.finish(std::move(connection));
        INFO(answer.body);
        CHECK(answer.status == 410);
        CHECK(json::parse(answer.body)["end"]["reason"] == "cancelled");
    }
    const auto status = starting.api.finish(std::move(removal)).status;
    CHECK(status == 200);
}

TEST_CASE("a time-out that is over while the session starts is 504, and says that nothing was sent") {
    Starting starting;
    const Answer answer = starting.api.ask("POST", starting.path + "/commands", kAcme,
                                           R"({"command": "version", "timeout_seconds": 0.05})");
    CHECK(answer.status == 504);
    const json problem = json::parse(answer.body);
    CHECK(problem["detail"].get<std::string>().find("still starting, so nothing was sent") !=
          std::string::npos);
    CHECK_FALSE(problem.contains("state_may_have_changed"));
    CHECK_FALSE(problem.contains("results"));
}

TEST_CASE("a client that goes away gives up its place among those who wait for a start") {
    Starting starting([](policy::Site&, manager::Tuning& tuning) { tuning.rest_queue = 1; });
    for (const char* method : {"POST", "PUT"}) {
        INFO(method);
        const bool is_put = std::string(method) == "PUT";
        UniqueFd leaver = starting.begin(method, is_put ? "/files/a" : "/commands",
                                         is_put ? "text" : R"({"command": "leaver"})");
        CHECK(starting.api.ask("GET", starting.path + "/inspect", kAcme).status == 429);
        leaver.reset();
        starting.api.world.settle();
        UniqueFd next =
            starting.begin("POST", "/commands", R"({"command": "next", "timeout_seconds": 0.05})");
        const auto status = starting.api.finish(std::move(next)).status;
        CHECK(status == 504);
    }
    starting.go_on();
    starting.api.world.wait(starting.id, manager::State::ready);
    starting.api.world.settle();
    CHECK(starting.api.world.launcher->sandbox(starting.id).engine->ran.empty());
    CHECK((*starting.api.world.launcher)->files.empty());
}

TEST_CASE("of a client that goes away the command that runs ends, and none of those after it is sent") {
    Ready ready;
    ready.engine->holds = true;
    UniqueFd leaver = ready.api.begin("POST", "/v1/sessions/" + ready.id + "/commands", kAcme,
                                      R"({"commands": ["1", "2"]})");
    ready.api.world.until([&] { return ready.engine->ran.size() == 1; }, "the first runs");
    leaver.reset();
    ready.api.world.settle();
    ready.engine.let_one_out();
    ready.api.world.until([&] { return ready.api.world.state(ready.id) == manager::State::ready; },
                          "it ends");
    CHECK(ready.engine->ran.size() == 1);
}

TEST_CASE("uploads that wait for a session's start leave places to other tenants") {
    Starting starting;
    std::vector<UniqueFd> waiting;
    for (int i = 0; i < 8; ++i)
        waiting.push_back(starting.begin("PUT", "/files/" + std::to_string(i), "text"));
    CHECK(starting.api.ask("PUT", starting.path + "/files/more", kAcme, "text").status == 429);
    starting.go_on();
    for (UniqueFd& connection : waiting) {
        const auto status = starting.api.finish(std::move(connection)).status;
        CHECK(status == 201);
    }
}
