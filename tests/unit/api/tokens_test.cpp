#include "api_world.hpp"

#include <chrono>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace std::chrono_literals;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

const std::string kAdmin = "admin-token", kAcme = "acme-token", kTiny = "tiny-token";

struct Site : ApiWorld {
    json make(const std::string& by, const std::string& body) {
        const Answer answer = ask("POST", "/v1/tokens", by, body);
        INFO(answer.body);
        REQUIRE(answer.status == 201);
        const json token = json::parse(answer.body);
        CHECK(answer.head.find("Location: /v1/tokens/" + std::string(token["id"])) != std::string::npos);
        return token;
    }
    std::string secret(const std::string& by, const std::string& body) { return make(by, body)["token"]; }
    int status(const std::string& method, const std::string& target, const std::string& token,
               const std::string& body = {}) {
        return ask(method, target, token, body).status;
    }
    std::string create(const std::string& by) {
        return json::parse(ask("POST", "/v1/sessions?wait=ready", by, "{}").body)["id"];
    }
};

} // namespace

TEST_CASE("a monitor's token reads figures and room, and nothing else") {
    Site site;
    const std::string token = site.secret(kAdmin, R"({"role": "monitor"})");
    CHECK(site.status("GET", "/metrics", token) == 200);
    CHECK(site.status("GET", "/v1/pressure", token) == 200);
    CHECK(site.status("GET", "/healthz", token) == 200);
    const std::string id = site.create(kAcme);
    for (const std::string& path :
         {std::string("/v1/sessions"), "/v1/sessions/" + id, "/v1/sessions/" + id + "/stats",
          std::string("/v1/events"), std::string("/v1/audit"), std::string("/v1/quota"),
          std::string("/v1/policies"), std::string("/v1/tenants"), std::string("/v1/tokens")}) {
        INFO(path);
        CHECK(site.status("GET", path, token) == 403);
    }
    for (const char* path : {"/v1/sessions", "/v1/tokens", "/v1/admin/gc"})
        CHECK(site.status("POST", path, token, "{}") == 403);
}

TEST_CASE("a tenant makes tokens for itself and its sessions, and an admin any") {
    Site site;
    const json own = site.make(kAcme, R"({"name": "ci"})");
    CHECK(own["role"] == "tenant");
    CHECK(own["tenant"] == "acme");
    CHECK(own["name"] == "ci");
    CHECK(own["state"] == "active");
    CHECK(own["last_used_at"].is_null());
    const std::string id = site.create(own["token"]);
    const std::string one = site.secret(kAcme, R"({"session": ")" + id + "\"}");
    CHECK(site.status("GET", "/v1/sessions/" + id, one) == 200);
    const std::string other = site.create(kAcme);
    CHECK(site.status("GET", "/v1/sessions/" + other, one) == 404);
    CHECK(site.status("GET", "/v1/sessions", one) == 403);
    CHECK(site.status("POST", "/v1/tokens", one, "{}") == 403);

    const std::string admin = site.secret(kAdmin, R"({"role": "admin"})");
    CHECK(site.status("GET", "/v1/tenants", admin) == 200);
    CHECK(site.make(admin, R"({"tenant": "tiny"})")["tenant"] == "tiny");
}

TEST_CASE("nobody makes a token of more rights than his own, nor of another's session or tenant") {
    Site site;
    const std::string id = site.create(kAcme);
    for (const char* body : {R"({"role": "admin"})", R"({"role": "monitor"})", R"({"tenant": "tiny"})"}) {
        INFO(body);
        const Answer answer = site.ask("POST", "/v1/tokens", kAcme, body);
        CHECK(answer.status == 403);
        CHECK(answer.body.find("\"field\"") != std::string::npos);
    }
    const Answer others = site.ask("POST", "/v1/tokens", kTiny, R"({"session": ")" + id + "\"}");
    CHECK(others.status == 400);
    CHECK(others.body == site.ask("POST", "/v1/tokens", kTiny, R"({"session": "aaaaaaaaaaaaaaaa"})").body);
    CHECK(site.status("POST", "/v1/tokens", "", "{}") != 201);
}

TEST_CASE("a token never outlives the one that it was made with") {
    Site site;
    const json parent = site.make(kAcme, R"({"ttl_seconds": 3600})");
    const json child = site.make(parent["token"], "{}");
    CHECK(child["expires_at"] == parent["expires_at"]);
    CHECK(child["made_by"] == parent["id"]);
    CHECK(site.make(parent["token"], R"({"ttl_seconds": 60})")["expires_at"] < parent["expires_at"]);
    const Answer longer = site.ask("POST", "/v1/tokens", parent["token"], R"({"ttl_seconds": 3700})");
    CHECK(longer.status == 403);
    CHECK(json::parse(longer.body)["field"] == "ttl_seconds");
}

TEST_CASE("a revoked token holds no more, at once, with all that were made with it") {
    Site site;
    const json parent = site.make(kAcme, "{}"), child = site.make(parent["token"], "{}");
    CHECK(site.status("GET", "/v1/sessions", child["token"]) == 200);
    const std::string path = "/v1/tokens/" + std::string(parent["id"]);
    CHECK(json::parse(site.ask("DELETE", path, kAcme).body)["state"] == "revoked");
    for (const json& token : {parent, child}) {
        const Answer refused = site.ask("GET", "/v1/sessions", token["token"]);
        CHECK(refused.status == 401);
        CHECK(refused.body.find("revoked") != std::string::npos);
    }
    CHECK(site.status("DELETE", path, kAcme) == 200);
    CHECK(site.status("GET", "/v1/sessions", kAcme) == 200);
}

TEST_CASE("an expired token is refused, and says that it expired") {
    Site site;
    const json token = site.make(kAcme, R"({"ttl_seconds": 0.05})");
    const auto refused = [&] { return site.ask("GET", "/v1/sessions", token["token"]); };
    site.world.until([&] { return refused().status != 200; }, "it expires");
    // The one before may have begun while the token still held.
    const Answer last = refused();
    CHECK(last.status == 401);
    CHECK(last.body.find("expired") != std::string::npos);
    CHECK(json::parse(site.ask("GET", "/v1/tokens/" + std::string(token["id"]), kAcme).body)["state"] ==
          "expired");
}

TEST_CASE("tenants see and revoke their own tokens alone, and the secret is shown once") {
    Site site;
    const json mine = site.make(kAcme, "{}");
    const json admins = site.make(kAdmin, R"({"role": "admin"})");
    const auto list = [&](const std::string& by, const std::string& query = "") {
        const Answer answer = site.ask("GET", "/v1/tokens" + query, by);
        CHECK(answer.body.find(std::string(mine["token"])) == std::string::npos);
        return json::parse(answer.body)["tokens"];
    };
    CHECK(list(kAcme).size() == 1);
    CHECK(list(kTiny).empty());
    CHECK(list(kAdmin).size() == 2);
    CHECK(list(kAdmin, "?tenant=acme").size() == 1);
    const std::string never = site.ask("GET", "/v1/tokens/tok_aaaaaaaaaaaaaaaa", kTiny).body;
    for (const json& token : {mine, admins}) {
        const std::string path = "/v1/tokens/" + std::string(token["id"]);
        const Answer answer = site.ask("GET", path, kTiny);
        CHECK(answer.status == 404);
        CHECK(answer.body == never);
        CHECK(site.status("DELETE", path, kTiny) == 404);
    }
    CHECK(site.status("GET", "/v1/sessions", mine["token"]) == 200);
    CHECK(list(kAcme)[0]["last_used_at"].is_string());
}

TEST_CASE("wrong requests for tokens are 400 with their field") {
    Site site;
    for (const auto& [body, field] : std::vector<std::pair<std::string, std::string>>{
             {R"({"role": "emperor"})", "role"},
             {R"({"role": 1})", "role"},
             {R"({"tenant": "acme", "ttl_seconds": 0})", "ttl_seconds"},
             {R"({"tenant": "acme", "ttl_seconds": 1e9})", "ttl_seconds"},
             {R"({"role": "admin", "tenant": "acme"})", "tenant"},
             {R"({"role": "monitor", "session": "aaaaaaaaaaaaaaaa"})", "session"},
             {R"({"role": "session"})", "session"},
             {R"({"session": "../x"})", "session"},
             {"{}", "tenant"},
             {R"({"name": "a\nb"})", "tenant"},
             {R"({"tenant": "acme", "name": "a\nb"})", "name"},
             {R"({"scope": 1})", "scope"},
             {"[]", "body"}}) {
        INFO(body);
        const Answer answer = site.ask("POST", "/v1/tokens", kAdmin, body);
        CHECK(answer.status == 400);
        CHECK(json::parse(answer.body)["field"] == field);
    }
}

TEST_CASE("a stream ends when its token is revoked, and nothing of what happens then is in it") {
    Site site;
    const json token = site.make(kAcme, "{}");
    UniqueFd stream = site.begin("GET", "/v1/events", token["token"]);
    site.create(kAcme);
    CHECK(site.status("DELETE", "/v1/tokens/" + std::string(token["id"]), kAcme) == 200);
    const std::string late = site.create(kAcme);
    const Answer answer = site.finish(std::move(stream));
    CHECK(answer.status == 200);
    CHECK(answer.body.find("event: state") != std::string::npos);
    CHECK(answer.body.find(late) == std::string::npos);
    CHECK(answer.body.ends_with("0\r\n\r\n"));
}

TEST_CASE("a request whose token is revoked while its body comes is not carried out") {
    Site site;
    const json token = site.make(kAcme, "{}");
    UniqueFd slow = site.begin("POST", "/v1/sessions", token["token"], "", "Content-Length: 2\r\n");
    site.world.settle();
    CHECK(site.status("DELETE", "/v1/tokens/" + std::string(token["id"]), kAcme) == 200);
    REQUIRE(::send(slow.get(), "{}", 2, MSG_NOSIGNAL) == 2);
    const auto answer = site.finish(std::move(slow));
    CHECK(answer.status == 401);
    CHECK(json::parse(site.ask("GET", "/v1/sessions", kAcme).body)["sessions"].empty());
}

TEST_CASE("an upload whose token is revoked while it trickles is refused, and nothing of it is stored") {
    Site site;
    const std::string id = site.create(kAcme);
    const json token = site.make(kAcme, "{}");
    UniqueFd slow =
        site.begin("PUT", "/v1/sessions/" + id + "/files/a", token["token"], "", "Content-Length: 6\r\n");
    REQUIRE(::send(slow.get(), "abc", 3, MSG_NOSIGNAL) == 3);
    site.world.settle();
    CHECK(site.status("DELETE", "/v1/tokens/" + std::string(token["id"]), kAcme) == 200);
    REQUIRE(::send(slow.get(), "def", 3, MSG_NOSIGNAL) == 3);
    const auto status = site.finish(std::move(slow)).status;
    CHECK(status == 401);
    CHECK((*site.world.launcher)->files.empty());
}

TEST_CASE("what waits for a session's start is refused when its token is revoked meanwhile") {
    Site site;
    (*site.world.launcher)->holds_launches = true;
    const std::string id = site.world.create().session.id;
    const json token = site.make(kAcme, "{}");
    const std::string path = "/v1/sessions/" + id;
    UniqueFd command = site.begin("POST", path + "/commands", token["token"], R"({"command": "open x"})");
    UniqueFd upload = site.begin("PUT", path + "/files/a", token["token"], "abc");
    UniqueFd list = site.begin("GET", path + "/files?list=1", token["token"]);
    site.world.settle();
    CHECK(site.status("DELETE", "/v1/tokens/" + std::string(token["id"]), kAcme) == 200);
    for (UniqueFd* one : {&command, &upload, &list}) {
        const auto status = site.finish(std::move(*one)).status;
        CHECK(status == 401);
    }
    (*site.world.launcher)->holds_launches = false;
    (*site.world.launcher)->changed.notify();
    site.world.wait(id, manager::State::ready);
    site.world.settle();
    CHECK(site.world.launcher->sandbox(id).engine->ran.empty());
    CHECK((*site.world.launcher)->files.empty());
}

TEST_CASE("of a list of commands, none is sent after its token was revoked") {
    Site site;
    const std::string id = site.create(kAcme);
    const json token = site.make(kAcme, "{}");
    test::FakeEngine& engine = site.world.launcher->sandbox(id).engine;
    engine->holds = true;
    UniqueFd list = site.begin("POST", "/v1/sessions/" + id + "/commands", token["token"],
                               R"({"commands": ["one", "two"]})");
    site.world.until([&] { return engine->inside == 1; }, "the first runs");
    CHECK(site.status("DELETE", "/v1/tokens/" + std::string(token["id"]), kAcme) == 200);
    engine.let_one_out();
    const Answer answer = site.finish(std::move(list));
    CHECK(answer.body.find("was not sent") != std::string::npos);
    CHECK(engine->ran == std::vector<std::string>{"/run?command=one"});
}

TEST_CASE("the audit trail has who made and revoked which token, and each refusal, but no secret") {
    Site site;
    const json token = site.make(kAcme, R"({"ttl_seconds": 60})");
    site.ask("DELETE", "/v1/tokens/" + std::string(token["id"]), token["token"]);
    CHECK(site.status("GET", "/v1/sessions", token["token"]) == 401);
    Answer found; // lines come to the trail in their own time
    site.world.until(
        [&] {
            found = site.ask("GET", "/v1/audit", kAdmin);
            return json::parse(found.body)["entries"].size() >= 3;
        },
        "the trail has them");
    CHECK(found.body.find(std::string(token["token"])) == std::string::npos);
    std::vector<std::string> seen;
    const json document = json::parse(found.body);
    for (const json& entry : document["entries"]) {
        seen.push_back(entry["action"]);
        if (entry["action"] == "authentication")
            CHECK(std::string(entry["detail"]).find(std::string(token["id"])) != std::string::npos);
        if (entry["action"] != "token.make" && entry["action"] != "token.revoke")
            continue;
        CHECK(std::string(entry["detail"]).find(std::string(token["id"])) != std::string::npos);
        CHECK(std::string(entry["actor"]).starts_with("tenant acme token"));
        CHECK_FALSE(entry.contains("session"));
    }
    CHECK(seen == std::vector<std::string>{"token.make", "token.revoke", "authentication"});
}
