#include "api/http/problem.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::api;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string header_of(const Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers)
        if (key == name)
            return value;
    return "";
}

} // namespace

TEST_CASE("a problem has type, title, status, detail, code, field and cure") {
    const Response response =
        problem(Error(Errc::invalid_argument, "it is wrong", "do better", "limits.cpus"));
    CHECK(response.status == 400);
    CHECK(response.content_type == "application/problem+json");
    const json document = json::parse(response.body);
    CHECK(document["type"] == "about:blank");
    CHECK(document["title"].is_string());
    CHECK(document["status"] == 400);
    CHECK(document["detail"] == "it is wrong");
    CHECK(document["code"] == "invalid_argument");
    CHECK(document["field"] == "limits.cpus");
    CHECK(document["cure"] == "do better");
}

TEST_CASE("a problem without field and cure does not have these keys") {
    const json document = json::parse(problem(Error(Errc::internal, "oh")).body);
    CHECK_FALSE(document.contains("field"));
    CHECK_FALSE(document.contains("cure"));
}

TEST_CASE("401 says how to authenticate, 429 and 503 when to come back, others neither") {
    CHECK(header_of(problem(Error(Errc::unauthenticated, "x")), "WWW-Authenticate") == "Bearer");
    for (const Errc code : {Errc::quota, Errc::unavailable}) {
        const Response response = problem(Error(code, "x"));
        INFO(response.status);
        CHECK(std::stoi(header_of(response, "Retry-After")) > 0);
    }
    CHECK(problem(Error(Errc::not_found, "x")).headers.empty());
}

TEST_CASE("a refusal that passes tells its own time and reason") {
    const Response response = problem(Error(Errc::pressure, "x").with({42s, "disk_free"}));
    CHECK(response.status == 503);
    CHECK(header_of(response, "Retry-After") == "42");
    CHECK(json::parse(response.body)["reason"] == "disk_free");
    CHECK_FALSE(json::parse(problem(Error(Errc::quota, "x")).body).contains("reason"));
}

TEST_CASE("every error's problem has the status of its code") {
    for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
        const auto code = static_cast<Errc>(i);
        const Response response = problem(Error(code, "x"));
        const json document = json::parse(response.body);
        CHECK(response.status >= 400);
        CHECK(document["status"] == response.status);
        CHECK(errc_from_text(document["code"].get<std::string>()) == code);
    }
}

TEST_CASE("a detail that is no UTF-8 is still JSON") {
    const json document = json::parse(problem(Error(Errc::engine, "bad \xff\xfe byte")).body);
    CHECK(document["detail"].get<std::string>().find("bad ") == 0);
}

TEST_CASE("a refusal of HTTP's own has code http and its status") {
    const Response response = http_problem(414, "URI Too Long", "d", "c");
    const json document = json::parse(response.body);
    CHECK(response.status == 414);
    CHECK(document["status"] == 414);
    CHECK(document["code"] == "http");
    CHECK(document["cure"] == "c");
}
