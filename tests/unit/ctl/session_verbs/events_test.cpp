#include "ctl/cli/cli.hpp"
#include "loopback_api.hpp"

#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::Afterwards;
using test::LoopbackApi;
using test::Ran;
using test::run;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

std::string event(unsigned id, const std::string& state) {
    return "id: " + std::to_string(id) +
           "\nevent: state\ndata: {\"type\":\"state\",\"at\":\"now\",\"state\":\"" + state + "\"}\n\n";
}

/// Ends when the connection does: as long as it says nothing of its length, nothing was cut.
std::string stream_of(const std::string& events) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events;
}

} // namespace

TEST_CASE("events that are known are listed, as lines or as a JSON object each") {
    const LoopbackApi api(
        [](const std::string&) { return stream_of(event(1, "starting") + event(2, "ready")); },
        Afterwards::close);
    CHECK(run(api, {"events"}).out == "now  starting\nnow  ready\n");
    CHECK(api.requests().back().starts_with("GET /v1/events?follow=0 "));
    const Ran json = run(api, {"-o", "json", "events", kId, "--after", "1"});
    CHECK(nlohmann::json::parse(json.out.substr(0, json.out.find('\n')))["id"] == "1");
    CHECK(api.requests().back().starts_with("GET /v1/sessions/abcdefghijklmnop/events?follow=0 "));
    CHECK(api.requests().back().find("Last-Event-ID: 1\r\n") != std::string::npos);
    CHECK(run(api, {"events", "--after", "yesterday"}).status == 2);
}

TEST_CASE("a stream that breaks is taken up where it was, until its session has ended") {
    unsigned asked = 0;
    const LoopbackApi api(
        [&](const std::string&) {
            ++asked;
            if (asked == 1)
                return stream_of(event(7, "ready"));
            if (asked == 2) // cut in the middle
                return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 999\r\n\r\n" +
                       event(8, "frozen") + "id: 9\ndata: {";
            return stream_of(event(9, "ended"));
        },
        Afterwards::close);
    const Ran ran = run(api, {"events", "-f", kId});
    CHECK(ran.status == 0);
    CHECK(ran.out == "now  ready\nnow  frozen\nnow  ended\n");
    CHECK(ran.err.find("trying again") != std::string::npos);
    const std::vector<std::string> requests = api.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].find("Last-Event-ID") == std::string::npos);
    CHECK(requests[1].find("Last-Event-ID: 7\r\n") != std::string::npos);
    CHECK(requests[2].find("Last-Event-ID: 8\r\n") != std::string::npos);
}

TEST_CASE("an API that was never there, or refuses, is no stream to wait for") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(403, R"({"detail":"no"})"); });
    CHECK(run(api, {"events", "-f"}).status == 4);
    std::ostringstream out, err;
    CHECK(ctl::run({"--host", "unix:///nonexistent/s", "events", "-f"}, {.out = out, .err = err}) == 1);
}

TEST_CASE("the audit trail is a table; spans become times, and a truncated answer says so") {
    const LoopbackApi api([](const std::string&) {
        return test::json_answer(
            200,
            R"({"entries":[{"at":"2026-01-31T09:05:07Z","action":"session.create","actor":"admin","outcome":"201"}],"truncated":true})");
    });
    const Ran ran = run(
        api, {"audit", "--since", "2h", "--until", "2026-01-31T09:05:07Z", "-t", "acme", "--session", kId});
    CHECK(ran.status == 0);
    CHECK(ran.out.find("2026-01-31T09:05:07Z  session.create  201") != std::string::npos);
    CHECK(ran.err.find("--limit") != std::string::npos);
    const std::string asked = api.requests().back();
    CHECK(asked.starts_with("GET /v1/audit?since=20"));
    CHECK(asked.find("&until=2026-01-31T09%3A05%3A07Z&tenant=acme&session=abcdefghijklmnop ") !=
          std::string::npos);
    CHECK(run(api, {"audit", "--since", "yesterday"}).status == 2);
}
