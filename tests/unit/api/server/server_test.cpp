#include "api_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

const std::string kAdmin = "admin-token", kAcme = "acme-token", kTiny = "tiny-token";

/// A session that is ready, made over the API by acme.
struct Made {
    explicit Made(ApiWorld& api) {
        const Answer answer =
            api.ask("POST", "/v1/sessions?wait=ready", kAcme, R"({"name": "n", "labels": {"a": "1"}})");
        REQUIRE(answer.status == 201);
        const json document = json::parse(answer.body);
        id = document["id"];
        token = document["token"];
        path = "/v1/sessions/" + id;
        CHECK(answer.head.find("Location: " + path + "\r\n") != std::string::npos);
    }
    std::string id, token, path;
};

} // namespace

TEST_CASE("a create without a wait is 202 with the session, its token and its place") {
    ApiWorld api;
    const Answer answer = api.ask("POST", "/v1/sessions", kAcme, "{}");
    CHECK(answer.status == 202);
    const json document = json::parse(answer.body);
    CHECK(document["tenant"] == "acme");
    CHECK(document["token"].is_string());
}

TEST_CASE("a create that waits is 201 and ready; the token is shown this once") {
    ApiWorld api;
    const Made made(api);
    for (const std::string& path :
         {made.path, std::string("/v1/sessions"), made.path + "/wait?state=ready"}) {
        const Answer answer = api.ask("GET", path, kAcme);
        CHECK(answer.status == 200);
        CHECK(answer.body.find(made.token) == std::string::npos);
        CHECK(answer.body.find(made.id) != std::string::npos);
    }
}

TEST_CASE("a create that is wrong is 400 with its field, over the quota 429, of another tenant 403") {
    ApiWorld api;
    const Answer wrong = api.ask("POST", "/v1/sessions", kAcme, R"({"limits": {"pids": 0}})");
    CHECK(wrong.status == 400);
    CHECK(json::parse(wrong.body)["field"] == "limits.pids");
    CHECK(api.ask("POST", "/v1/sessions?wait=busy", kAcme, "{}").status == 400);
    CHECK(api.ask("POST", "/v1/sessions", kAcme, R"({"tenant": "tiny"})").status == 403);
    CHECK(api.ask("POST", "/v1/sessions", kTiny, "{}").status == 202);
    CHECK(api.ask("POST", "/v1/sessions", kTiny, R"({"queue_timeout_seconds": 0})").status == 429);
}

TEST_CASE("a list has the caller's own sessions, an admin's all, and the filters hold") {
    ApiWorld api;
    const Made made(api);
    const auto count = [&](const std::string& query, const std::string& token) {
        const Answer answer = api.ask("GET", "/v1/sessions" + query, token);
        CHECK(answer.status == 200);
        return json::parse(answer.body)["sessions"].size();
    };
    CHECK(count("", kAcme) == 1);
    CHECK(count("", kTiny) == 0);
    CHECK(count("", kAdmin) == 1);
    CHECK(count("?tenant=tiny", kAdmin) == 0);
    CHECK(count("?state=ready", kAcme) == 1);
    CHECK(count("?state=ended,queued", kAcme) == 0);
    CHECK(count("?label=a=1&label=a", kAcme) == 1);
    CHECK(count("?label=a=1&label=b", kAcme) == 0);
    CHECK(count("?limit=0", kAcme) == 0);
}

TEST_CASE("another tenant's session is 404 on every route, as one that never was") {
    ApiWorld api;
    const Made made(api);
    const std::string never = api.ask("GET", "/v1/sessions/aaaaaaaaaaaaaaaa", kTiny).body;
    CHECK(api.ask("GET", made.path, kTiny).body == never);
    for (const char* route :
         {"", "/wait", "/rest/run?command=x", "/stats", "/logs", "/inspect", "/files/a"}) {
        INFO(route);
        CHECK(api.ask("GET", made.path + route, kTiny).status == 404);
    }
    CHECK(api.ask("POST", made.path + "/commands", kTiny, R"({"command": "x"})").status == 404);
    CHECK(api.ask("DELETE", made.path, kTiny).status == 404);
    CHECK(api.world.launcher->sandbox(made.id).engine->ran.empty());
    CHECK(api.world.state(made.id) == manager::State::ready);
}

TEST_CASE("a session's own token reaches that session, and neither the list nor another session") {
    ApiWorld api;
    const Made made(api), other(api);
    CHECK(api.ask("GET", made.path, made.token).status == 200);
    CHECK(api.ask("GET", other.path, made.token).status == 404);
    CHECK(api.ask("GET", "/v1/sessions", made.token).status == 403);
    CHECK(api.ask("POST", "/v1/sessions", made.token, "{}").status == 403);
}

TEST_CASE("commands come back as JSON with ChimeraX's log") {
    ApiWorld api;
    const Made made(api);
    const Answer answer = api.ask("POST", made.path + "/commands", kAcme, R"({"commands": ["a b", "c"]})");
    CHECK(answer.status == 200);
    const json document = json::parse(answer.body);
    CHECK(document["ok"] == true);
    CHECK(document["error"].is_null());
    CHECK(document["log"]["note"].size() == 2);
    CHECK(api.world.launcher->sandbox(made.id).engine->ran.size() == 2);
    CHECK(api.ask("POST", made.path + "/commands", kAcme, "{}").status == 400);
}

TEST_CASE("raw REST goes through with its query, in the sandbox of this server's pages") {
    ApiWorld api;
    const Made made(api);
    const Answer answer = api.ask("GET", made.path + "/rest/run?command=a%20b&x=1&x=2", made.token);
    CHECK(answer.status == 200);
    CHECK(answer.head.find("Content-Security-Policy: sandbox\r\n") != std::string::npos);
    CHECK(api.world.launcher->sandbox(made.id).engine->ran ==
          std::vector<std::string>{"/run?command=a%20b&x=1&x=2"});
    CHECK(api.ask("GET", made.path + "/rest/other", made.token).status == 404);
}

TEST_CASE("logs are text with their control characters escaped") {
    ApiWorld api;
    const Made made(api);
    api.world.launcher->sandbox(made.id).write("log/stdout.0", "started \x1b[31m\n");
    const Answer answer = api.ask("GET", made.path + "/logs?tail=13", kAcme);
    CHECK(answer.status == 200);
    CHECK(answer.body.ends_with(" \\x1b[31m\n"));
    CHECK(answer.head.find("Content-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
    CHECK(api.ask("GET", made.path + "/logs?stream=../x", kAcme).status == 400);
}

TEST_CASE("a file of the workspace comes as a download that no browser shows") {
    ApiWorld api;
    const Made made(api);
    const Answer answer = api.ask("GET", made.path + "/files/a/b%22.cxs", kAcme);
    CHECK(answer.status == 200);
    CHECK(answer.body == "a/b\".cxs");
    CHECK(answer.head.find("Content-Disposition: attachment; filename=\"b_.cxs\"\r\n") != std::string::npos);
}

TEST_CASE("a deleted session is ended: the delete again is the same, all else 410 with its end") {
    ApiWorld api;
    const Made made(api);
    for (int i = 0; i < 2; ++i) {
        const Answer answer = api.ask("DELETE", made.path, kAcme);
        CHECK(answer.status == 200);
        CHECK(json::parse(answer.body)["end"]["reason"] == "deleted");
    }
    for (const char* route : {"", "/stats", "/inspect", "/files/a", "/rest/run?command=x"}) {
        INFO(route);
        const Answer answer = api.ask("GET", made.path + route, kAcme);
        CHECK(answer.status == 410);
        CHECK(json::parse(answer.body)["end"]["reason"] == "deleted");
    }
}

TEST_CASE("401, 403, 404 and 405 are told apart") {
    ApiWorld api;
    const Answer unknown = api.ask("GET", "/v1/sessions", "wrong");
    CHECK(unknown.status == 401);
    CHECK(unknown.head.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
    CHECK(api.ask("GET", "/v1/tenants", kAcme).status == 403);
    CHECK(api.ask("GET", "/v1/tenants", kAdmin).status == 200);
    CHECK(api.ask("GET", "/v1/nothing", kAdmin).status == 404);
    const Answer method = api.ask("PUT", "/v1/sessions", kAdmin);
    CHECK(method.status == 405);
    CHECK(method.head.find("Allow: POST, GET\r\n") != std::string::npos);
    CHECK(api.ask("GET", "/v1/sessions", kAdmin, "", "Origin: http://evil.example\r\n").status == 403);
}

TEST_CASE("a tenant sees the policies that it may use, and anyone the health") {
    ApiWorld api;
    CHECK(api.ask("GET", "/v1/policies/quick", kTiny).status == 200);
    CHECK(api.ask("GET", "/v1/policies/open", kTiny).status == 404);
    CHECK(api.ask("GET", "/v1/policies/sealed", kAdmin).status == 200);
    CHECK(api.ask("GET", "/healthz", "").status == 200);
    CHECK(json::parse(api.ask("GET", "/version", "").body)["version"] == "1.2.3");
}
