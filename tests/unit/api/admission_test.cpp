// Creates on a full host, as their callers see them.
#include "api_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

const std::string kAdmin = "admin-token", kAcme = "acme-token", kGlobex = "globex-token";
const std::string kKey = "Idempotency-Key: 4f0c\r\n";

auto with_places(std::uint64_t places, std::size_t queue = 256) {
    return [=](policy::Site& site, manager::Tuning&) {
        site.admission.max_sessions = places;
        site.admission.queue_length = queue;
    };
}

std::string header_of(const Answer& answer, const std::string& name) {
    const std::size_t at = answer.head.find(name + ": ");
    return at == std::string::npos
               ? ""
               : answer.head.substr(at + name.size() + 2, answer.head.find('\r', at) - at - name.size() - 2);
}

std::size_t queued(ApiWorld& api) {
    return api.world.manager().pressure().queue_length;
}

} // namespace

TEST_CASE("over a full queue a create is 429 with Retry-After and the reason, and pressure is 503") {
    ApiWorld api(with_places(1, 1));
    REQUIRE(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}").status == 201);
    CHECK(api.ask("GET", "/v1/pressure", kAcme).status == 200);
    const Answer waits = api.ask("POST", "/v1/sessions", kAcme, R"({"queue_timeout_seconds": 30})");
    CHECK(waits.status == 202);
    CHECK(json::parse(waits.body)["state"] == "queued");

    const Answer refused = api.ask("POST", "/v1/sessions", kGlobex, "{}");
    CHECK(refused.status == 429);
    const json document = json::parse(refused.body);
    CHECK(document["code"] == "capacity");
    CHECK(document["reason"] == "queue_full");
    const int after = std::stoi(header_of(refused, "Retry-After"));
    CHECK((after >= 29 && after <= 31));

    const Answer pressure = api.ask("GET", "/v1/pressure", kGlobex);
    CHECK(pressure.status == 503);
    CHECK(std::stoi(header_of(pressure, "Retry-After")) == after);
    CHECK(json::parse(pressure.body)["admitting"] == false);
    CHECK(json::parse(pressure.body)["reason"] == "queue_full");
    CHECK(json::parse(pressure.body)["queue"]["length"] == 1);
    CHECK(api.ask("GET", "/v1/pressure", "no-token").status == 401);
}

TEST_CASE("a client that waits and goes takes its session out of the queue; one with a key does not") {
    ApiWorld api(with_places(1));
    REQUIRE(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}").status == 201);
    UniqueFd goes = api.begin("POST", "/v1/sessions?wait=ready", kAcme, R"({"name": "goes"})");
    UniqueFd with_key = api.begin("POST", "/v1/sessions?wait=ready", kAcme, R"({"name": "keyed"})", kKey);
    api.world.until([&] { return queued(api) == 2; }, "both are queued");
    api.world.settle();
    goes.reset();
    with_key.reset();
    api.world.until([&] { return queued(api) == 1; }, "one has left the queue");
    api.world.settle();
    CHECK(queued(api) == 1);
    const json ended = json::parse(api.ask("GET", "/v1/sessions?state=ended", kAcme).body);
    REQUIRE(ended["sessions"].size() == 1);
    for (const json& session : ended["sessions"]) {
        CHECK(session["name"] == "goes");
        CHECK(session["end"]["reason"] == "cancelled");
    }
}

TEST_CASE("a client that has its answer, and then goes, keeps its session") {
    ApiWorld api(with_places(1));
    REQUIRE(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}").status == 201);
    const Answer queued_one = api.ask("POST", "/v1/sessions?wait=ready&timeout=0.05", kAcme, "{}");
    CHECK(queued_one.status == 202);
    CHECK(api.ask("POST", "/v1/sessions", kAcme, "{}").status == 202);
    api.world.settle();
    CHECK(queued(api) == 2);
}

TEST_CASE("who waits until his time in the queue is over is told 429 with the session's end") {
    ApiWorld api(with_places(1));
    REQUIRE(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}").status == 201);
    const Answer late =
        api.ask("POST", "/v1/sessions?wait=ready", kAcme, R"({"queue_timeout_seconds": 0.05})");
    CHECK(late.status == 429);
    CHECK(header_of(late, "Retry-After") == "1");
    CHECK(json::parse(late.body)["end"]["reason"] == "queue_timeout");
}

TEST_CASE("a create that is repeated under its key gets the same answer and session") {
    ApiWorld api;
    const Answer first = api.ask("POST", "/v1/sessions?wait=ready", kAcme, R"({"name": "n"})", kKey);
    const Answer second = api.ask("POST", "/v1/sessions?wait=ready", kAcme, R"({"name": "n"})", kKey);
    CHECK(first.status == 201);
    CHECK(second.status == 201);
    const json made = json::parse(first.body), again = json::parse(second.body);
    CHECK(made["id"] == again["id"]);
    CHECK(made["token"] == again["token"]);
    CHECK(header_of(first, "Location") == header_of(second, "Location"));
    CHECK(api.ask("GET", "/v1/sessions/" + made["id"].get<std::string>(), again["token"]).status == 200);

    const Answer other = api.ask("POST", "/v1/sessions", kAcme, R"({"name": "m"})", kKey);
    CHECK(other.status == 409);
    CHECK(json::parse(other.body)["field"] == "Idempotency-Key");
    const Answer of_another = api.ask("POST", "/v1/sessions", kGlobex, R"({"name": "n"})", kKey);
    CHECK(of_another.status == 202);
    CHECK(json::parse(of_another.body)["id"] != made["id"]);
    CHECK(api.ask("POST", "/v1/sessions", kAcme, "{}", kKey + kKey).status == 400);
}

TEST_CASE("a client that lost its connection while it waited gets its session by the key") {
    ApiWorld api;
    (*api.world.launcher)->holds_launches = true;
    UniqueFd lost = api.begin("POST", "/v1/sessions?wait=ready", kAcme, "{}", kKey);
    api.world.until([&] { return (*api.world.launcher)->launches.size() == 1; }, "it is being made");
    lost.reset();
    UniqueFd back = api.begin("POST", "/v1/sessions?wait=ready", kAcme, "{}", kKey);
    api.world.settle();
    (*api.world.launcher)->holds_launches = false;
    (*api.world.launcher)->changed.notify();
    const Answer answer = api.finish(std::move(back));
    CHECK(answer.status == 201);
    CHECK((*api.world.launcher)->launches.size() == 1);
}

TEST_CASE("the answer to a repeated create whose session has ended is its end") {
    ApiWorld api;
    const json made = json::parse(api.ask("POST", "/v1/sessions?wait=ready", kAcme, "{}", kKey).body);
    CHECK(api.ask("DELETE", "/v1/sessions/" + made["id"].get<std::string>(), kAcme).status == 200);
    const Answer again = api.ask("POST", "/v1/sessions", kAcme, "{}", kKey);
    CHECK(again.status == 409);
    CHECK(json::parse(again.body)["session"]["id"] == made["id"]);
}
