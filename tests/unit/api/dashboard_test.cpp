#include "api_world.hpp"
#include "embedded_dashboard.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

constexpr bool kBuiltIn = !api::embedded::kDashboard.empty();

std::string header_of(const Answer& answer, const std::string& name) {
    const std::size_t at = answer.head.find("\r\n" + name + ": ");
    if (at == std::string::npos)
        return {};
    const std::size_t begin = at + name.size() + 4;
    return answer.head.substr(begin, answer.head.find("\r\n", begin) - begin);
}

} // namespace

TEST_CASE("the dashboard is for anyone, and a program that was built without it says how to get it") {
    ApiWorld api;
    const Answer answer = api.ask("GET", "/", "");
    if (kBuiltIn) {
        CHECK(answer.status == 200);
        CHECK(header_of(answer, "Content-Type") == "text/html; charset=utf-8");
        CHECK(answer.body.find("<!doctype html>") == 0);
    } else {
        CHECK(answer.status == 404);
        CHECK(json::parse(answer.body)["cure"].get<std::string>().find("-Ddashboard=enabled") !=
              std::string::npos);
    }
}

TEST_CASE("what the dashboard's pages may do is bounded by their own headers") {
    ApiWorld api;
    for (const api::embedded::DashboardFile& file : api::embedded::kDashboard) {
        const Answer answer = api.ask("GET", "/dashboard/" + std::string(file.name), "");
        INFO(file.name);
        CHECK(answer.status == 200);
        CHECK(answer.body == file.content);
        const std::string policy = header_of(answer, "Content-Security-Policy");
        for (const char* part : {"default-src 'none'", "script-src 'self';", "style-src 'self';",
                                 "connect-src 'self';", "frame-ancestors 'none'", "base-uri 'none'",
                                 "form-action 'none'", "require-trusted-types-for 'script'"})
            CHECK(policy.find(part) != std::string::npos);
        CHECK(policy.find("unsafe") == std::string::npos);
        CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
        CHECK(header_of(answer, "Referrer-Policy") == "no-referrer");
    }
}

TEST_CASE("a page that the browser has is not sent again") {
    ApiWorld api;
    for (const api::embedded::DashboardFile& file : api::embedded::kDashboard) {
        const std::string path = "/dashboard/" + std::string(file.name);
        const Answer first = api.ask("GET", path, "");
        CHECK(header_of(first, "Cache-Control") == "no-cache");
        const std::string tag = header_of(first, "ETag");
        const Answer again = api.ask("GET", path, "", "", "If-None-Match: " + tag + "\r\n");
        CHECK(again.status == 304);
        CHECK(again.body.empty());
        CHECK(api.ask("GET", path, "", "", "If-None-Match: \"other\"\r\n").status == 200);
    }
}

TEST_CASE("the dashboard has no other files than its own") {
    ApiWorld api;
    for (const char* path : {"/dashboard/none.js", "/dashboard/..%2findex.html", "/dashboard/", "/dashboard"})
        CHECK(api.ask("GET", path, "").status == 404);
    CHECK(api.ask("POST", "/", "").status == 405);
    CHECK(api.ask("GET", "/?x=1", "").status == 400);
}

TEST_CASE("E33: a page of another origin, or by another host's name, does not get the dashboard") {
    ApiWorld api;
    CHECK(api.ask("GET", "/", "", "", "Origin: http://evil.example\r\n").status == 403);
    CHECK(api.ask("GET", "/dashboard/main.js", "", "", "Origin: null\r\n").status == 403);
}

TEST_CASE("a caller is told who it is") {
    ApiWorld api;
    CHECK(json::parse(api.ask("GET", "/v1/whoami", "admin-token").body) == json{{"role", "admin"}});
    CHECK(json::parse(api.ask("GET", "/v1/whoami", "acme-token").body) ==
          json{{"role", "tenant"}, {"tenant", "acme"}});
    const auto made = api.world.ready();
    CHECK(json::parse(api.ask("GET", "/v1/whoami", made.token).body) ==
          json{{"role", "session"}, {"session", made.session.id}});
    CHECK(api.ask("GET", "/v1/whoami", "other").status == 401);
}

TEST_CASE("the newest sessions come first where the caller wants it, page by page") {
    ApiWorld api;
    std::vector<std::string> oldest, newest;
    for (int i = 0; i < 3; ++i)
        api.world.ready();
    const auto read = [&](const std::string& order, std::vector<std::string>& ids) {
        std::string cursor;
        do {
            const json page = json::parse(
                api.ask("GET",
                        "/v1/sessions?limit=1&order=" + order + (cursor.empty() ? "" : "&cursor=" + cursor),
                        "acme-token")
                    .body);
            REQUIRE(page["sessions"].size() == 1);
            ids.push_back(page["sessions"][0]["id"]);
            cursor = page.value("next_cursor", "");
        } while (!cursor.empty());
    };
    read("oldest", oldest);
    read("newest", newest);
    CHECK(oldest.size() == 3);
    CHECK(newest == std::vector<std::string>(oldest.rbegin(), oldest.rend()));
    CHECK(api.ask("GET", "/v1/sessions?order=other", "acme-token").status == 400);
}
