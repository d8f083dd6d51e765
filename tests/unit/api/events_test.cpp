#include "api_world.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

const std::string kAdmin = "admin-token", kAcme = "acme-token", kTiny = "tiny-token";

std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++count;
    return count;
}

} // namespace

TEST_CASE("a session's stream begins with its state, tells each step, and ends with the session") {
    ApiWorld api;
    const std::string id = api.world.ready().session.id;
    UniqueFd stream = api.begin("GET", "/v1/sessions/" + id + "/events", kAcme);
    api.world.settle();
    api.world.run(api.world.manager().remove(id, Duration::zero()));
    const Answer answer = api.finish(std::move(stream));
    CHECK(answer.status == 200);
    CHECK(answer.head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    for (const char* state : {"ready", "ending", "ended"})
        CHECK(count_of(answer.body, "\"state\":\"" + std::string(state) + "\"") == 1);
    CHECK(count_of(answer.body, "event: state\ndata: {") == 3);
    CHECK(answer.body.find(R"("reason":"deleted")") != std::string::npos);
}

TEST_CASE("a stream of all has the caller's own sessions alone, and ends with its manager") {
    ApiWorld api;
    UniqueFd admin = api.begin("GET", "/v1/events", kAdmin), acme = api.begin("GET", "/v1/events", kAcme),
             tiny = api.begin("GET", "/v1/events", kTiny);
    api.world.settle();
    const std::string of_acme = api.world.ready("acme").session.id,
                      of_globex = api.world.ready("globex").session.id;
    api.world.manager().leave();
    const std::string all = api.finish(std::move(admin)).body, own = api.finish(std::move(acme)).body,
                      none = api.finish(std::move(tiny)).body;
    CHECK(count_of(all, of_acme) == 3);
    CHECK(count_of(all, of_globex) == 3);
    CHECK(count_of(own, of_acme) == 3);
    CHECK(count_of(own, of_globex) == 0);
    CHECK(count_of(none, "event:") == 0);
}

TEST_CASE("a session's stream is for who may see it") {
    ApiWorld api;
    const auto created = api.world.ready();
    const std::string path = "/v1/sessions/" + created.session.id + "/events";
    CHECK(api.ask("GET", path, kTiny).status == 404);
    CHECK(api.ask("GET", "/v1/events", created.token).status == 403);
    CHECK(api.ask("GET", path, kAcme, "", "Last-Event-ID: nonsense\r\n").status == 400);
    api.world.run(api.world.manager().remove(created.session.id, Duration::zero()));
    CHECK(api.ask("GET", path, kAcme).status == 410);
}

TEST_CASE("what is known of events can be read without following them") {
    ApiWorld api;
    const std::string id = api.world.ready().session.id, other = api.world.ready("globex").session.id;
    api.world.run(api.world.manager().remove(id, Duration::zero()));
    const Answer all = api.ask("GET", "/v1/events?follow=0", kAdmin);
    CHECK(all.status == 200);
    CHECK(all.head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(count_of(all.body, id) == 5);
    CHECK(count_of(all.body, other) == 3);
    CHECK(count_of(all.body, "gap") == 0);
    const Answer own = api.ask("GET", "/v1/sessions/" + id + "/events?follow=0", kAcme);
    CHECK(count_of(own.body, "event: state") == 5);
    const std::string first = own.body.substr(4, own.body.find('\n') - 4);
    CHECK(count_of(api.ask("GET", "/v1/events?follow=0&last_event_id=" + first, kAcme).body,
                   "event: state") == 4);
    CHECK(api.ask("GET", "/v1/events?follow=0", kTiny).body.empty());
    CHECK(api.ask("GET", "/v1/sessions/" + id + "/events?follow=0", kTiny).status == 404);
    CHECK(api.ask("GET", "/v1/events?follow=maybe", kAdmin).status == 400);
}

TEST_CASE("handover and gc are for admins, and a wrong body is told") {
    ApiWorld api;
    for (const char* path : {"/v1/admin/handover", "/v1/admin/gc"}) {
        CHECK(api.ask("POST", path, kAcme, "{}").status == 403);
        CHECK(api.ask("GET", path, kAdmin).status == 405);
    }
    CHECK(api.ask("POST", "/v1/admin/gc", kAdmin, R"({"dry_run": 1})").status == 400);
    CHECK(api.ask("POST", "/v1/admin/gc", kAdmin, R"({"wet_run": true})").status == 400);
    const Answer gc = api.ask("POST", "/v1/admin/gc", kAdmin, R"({"dry_run": true})");
    CHECK(gc.status == 200);
    CHECK(json::parse(gc.body) == json{{"dry_run", true}, {"found", json::array()}});
    CHECK(api.ask("POST", "/v1/admin/handover", kAdmin, "").status == 202);
    CHECK(api.world.manager().is_leaving());
}

TEST_CASE("a server that is drained answers what is in flight, and takes nothing new") {
    ApiWorld api;
    const std::string id = api.world.ready().session.id;
    api.world.launcher->sandbox(id).engine->holds = true;
    UniqueFd command = api.begin("POST", "/v1/sessions/" + id + "/commands", kAcme, R"({"command": "x"})");
    api.world.until([&] { return !api.world.launcher->sandbox(id).engine->ran.empty(); }, "it runs");
    bool drained = false;
    boost::asio::co_spawn(api.world.io, api.server.drain(std::chrono::seconds(20)),
                          [&](const std::exception_ptr&) { drained = true; });
    api.world.settle();
    CHECK_FALSE(drained);
    api.world.launcher->sandbox(id).engine.let_one_out();
    const Answer answer = api.finish(std::move(command));
    CHECK(answer.status == 200);
    api.world.until([&] { return drained; }, "nothing is in flight");
}
