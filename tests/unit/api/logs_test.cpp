#include "api_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

constexpr const char *kAcme = "acme-token", *kTiny = "tiny-token";

struct Made {
    explicit Made(ApiWorld& api) {
        const json view = json::parse(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}").body);
        id = view.at("id");
        token = view.at("token");
        path = "/v1/sessions/" + id;
    }
    std::string id, token, path;
};

void end(ApiWorld& api, const Made& made) {
    REQUIRE(api.ask("DELETE", made.path + "?grace_seconds=0", kAcme).status == 200);
}

} // namespace

TEST_CASE("the log of a session that has ended is there for all who may see the session, and nobody else") {
    ApiWorld api;
    const Made made(api), other(api);
    api.world.launcher->sandbox(made.id).write("log/stdout.0", "first\nlast \x1b[31m\n");
    api.world.launcher->sandbox(made.id).write("log/stderr.0", "oops\n");
    end(api, made);
    for (const std::string& token : {std::string(kAcme), made.token})
        CHECK(api.ask("GET", made.path + "/logs", token).body == "first\nlast \\x1b[31m\n");
    CHECK(api.ask("GET", made.path + "/logs?stream=stderr", kAcme).body == "oops\n");
    CHECK(api.ask("GET", made.path + "/logs?tail=3", kAcme).body == "1m\n");
    CHECK(api.ask("GET", made.path + "/logs", kTiny).status == 404);
    CHECK(api.ask("GET", made.path + "/logs", other.token).status == 404);
    CHECK(api.ask("GET", made.path + "/logs", "no-token").status == 401);
    CHECK(api.ask("GET", made.path + "/logs?stream=x", kAcme).status == 400);
}

TEST_CASE("to follow the log of a session that has ended gives what is there, and ends") {
    ApiWorld api;
    const Made made(api);
    api.world.launcher->sandbox(made.id).write("log/stdout.0", "all of it\n");
    end(api, made);
    const Answer answer = api.ask("GET", made.path + "/logs?follow=1", kAcme);
    CHECK(answer.status == 200);
    CHECK(answer.body.find("all of it\n") != std::string::npos);
}

TEST_CASE("an empty log is an answer, and a log that is not kept is 410 with the session's end") {
    ApiWorld api([](policy::Site& site, manager::Tuning&) { site.logs.size_per_tenant = Bytes{100}; });
    const Made empty(api), large(api);
    api.world.launcher->sandbox(empty.id).write("log/stdout.0", "");
    end(api, empty);
    const Answer nothing = api.ask("GET", empty.path + "/logs", kAcme);
    CHECK(nothing.status == 200);
    CHECK(nothing.body.empty());
    const Made first(api);
    api.world.launcher->sandbox(first.id).write("log/stdout.0", std::string(50, 'x'));
    api.world.launcher->sandbox(large.id).write("log/stdout.0", std::string(50, 'x'));
    api.world.launcher->sandbox(large.id).write("log/stderr.0", std::string(50, 'x'));
    end(api, first);
    end(api, large);
    const Answer gone = api.ask("GET", first.path + "/logs", kAcme);
    CHECK(gone.status == 410);
    const json problem = json::parse(gone.body);
    CHECK(problem["code"] == "gone");
    CHECK(problem["end"]["log"]["kept"] == false);
    CHECK(problem["end"]["log"]["reason"] == "dropped");
    CHECK_THAT(problem["detail"].get<std::string>(), Catch::Contains("newer ones needed its room"));
    CHECK(api.ask("GET", first.path + "/logs?follow=1", kAcme).status == 410);
    CHECK(api.ask("GET", large.path + "/logs", kAcme).body.size() == 50);
}

TEST_CASE("a long log is sent in pieces, and none of its characters is broken by them") {
    ApiWorld api;
    const Made made(api);
    std::string text;
    while (text.size() < 700'000)
        text += "\xe2\x82\xac"; // no piece is a multiple of three bytes
    api.world.launcher->sandbox(made.id).write("log/stdout.0", text);
    for (const bool ended : {false, true}) {
        if (ended)
            end(api, made);
        const Answer answer = api.ask("GET", made.path + "/logs?tail=16777216", kAcme);
        CHECK(answer.status == 200);
        CHECK(answer.body.size() > text.size());
        CHECK(answer.body.find("\\x") == std::string::npos);
    }
}

TEST_CASE("a character of which a followed log has only the start waits for the rest") {
    ApiWorld api;
    const Made made(api);
    api.world.launcher->sandbox(made.id).write("log/stdout.0", "caf\xc3");
    UniqueFd connection = api.begin("GET", made.path + "/logs?follow=1", kAcme);
    api.world.settle();
    api.world.launcher->sandbox(made.id).write("log/stdout.0", "caf\xc3\xa9\n");
    end(api, made);
    const Answer log = api.finish(std::move(connection));
    CHECK(log.body.find("caf") != std::string::npos);
    CHECK(log.body.find("\xc3\xa9\n") != std::string::npos);
    CHECK(log.body.find("\\x") == std::string::npos);
}
