// The metrics and the statistics as callers get them.
#include "api_world.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::test;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("metrics are for admins, by a token, in the format that is asked for") {
    ApiWorld api;
    CHECK(api.ask("GET", "/metrics", "acme-token").status == 403);
    CHECK(api.ask("GET", "/metrics", "wrong-token").status == 401);
    CHECK(api.ask("GET", "/metrics", api.world.ready().token).status == 403);
    CHECK(api.ask("GET", "/metrics?x=1", "admin-token").status == 400);
    const Answer text = api.ask("GET", "/metrics", "admin-token");
    CHECK(text.status == 200);
    CHECK(has(text.head, "text/plain; version=0.0.4"));
    CHECK(has(text.body, "sandboxd_build_info{version=\"1.2.3\"} 1\n"));
    CHECK(has(text.body, "process_resident_memory_bytes "));
    const Answer open = api.ask("GET", "/metrics", "admin-token", {},
                                "Accept: application/openmetrics-text; version=1.0.0\r\n");
    CHECK(has(open.head, "application/openmetrics-text; version=1.0.0"));
    CHECK(open.body.ends_with("# EOF\n"));
}

TEST_CASE("requests are counted by the pattern of their route, refused ones too") {
    ApiWorld api;
    const std::string id = api.world.ready().session.id;
    api.ask("GET", "/v1/sessions/" + id, "acme-token");
    api.ask("GET", "/v1/sessions/" + id, "globex-token");
    api.ask("GET", "/v1/sessions", "wrong-token");
    api.ask("PUT", "/v1/sessions", "acme-token");
    const std::string text = api.ask("GET", "/metrics", "admin-token").body;
    const auto count = [&](const std::string& route, const std::string& method, const std::string& code) {
        return has(text, "sandboxd_http_request_duration_seconds_count{route=\"" + route + "\",method=\"" +
                             method + "\",code=\"" + code + "\"} 1\n");
    };
    CHECK(count("/v1/sessions/{id}", "GET", "200"));
    CHECK(count("/v1/sessions/{id}", "GET", "404"));
    CHECK(count("/v1/sessions", "GET", "401"));
    CHECK(count("unmatched", "PUT", "405"));
    CHECK_FALSE(has(text, id));
}

TEST_CASE("nothing that a caller makes up becomes a series of its own") {
    ApiWorld api;
    const auto lines = [&] {
        const std::string text = api.ask("GET", "/metrics", "admin-token").body;
        return std::count(text.begin(), text.end(), '\n');
    };
    const auto attack = [&](int number) {
        const std::string word = "X" + std::to_string(number);
        api.ask(word, "/" + word, "acme-token");
        api.ask("GET", "/v1/" + word, word);
        api.ask("GET", "/v1/sessions/" + word + "?" + word + "=1", "acme-token");
        api.ask("GET", "/%zz" + word, "acme-token");
    };
    attack(0);
    lines();
    const auto before = lines();
    for (int i = 1; i < 20; ++i)
        attack(i);
    CHECK(lines() == before);
}

TEST_CASE("the statistics of a session come with its history where that is asked for") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + api.world.ready().session.id + "/stats";
    CHECK_FALSE(nlohmann::json::parse(api.ask("GET", path, "acme-token").body).contains("history"));
    const auto stats = nlohmann::json::parse(api.ask("GET", path + "?history=1", "acme-token").body);
    CHECK(stats["history"]["interval_seconds"] == 10);
    CHECK(stats["history"]["cpus"].is_array());
    CHECK(stats["sampled_at"].is_string());
    for (const char* query : {"?history=yes", "?history=", "?history=1&history=1", "?points=1"})
        CHECK(api.ask("GET", path + query, "acme-token").status == 400);
    CHECK(api.ask("GET", path, "globex-token").status == 404);
}
