#include "api/routing/router.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

Router routes() {
    return Router({{.method = "GET", .pattern = "/", .handler = {}},
                   {.method = "GET", .pattern = "/things", .handler = {}},
                   {.method = "POST", .pattern = "/things", .handler = {}},
                   {.method = "GET", .pattern = "/things/{id}", .handler = {}},
                   {.method = "DELETE", .pattern = "/things/{id}", .handler = {}},
                   {.method = "GET", .pattern = "/things/{id}/files/{path...}", .handler = {}}});
}

std::string pattern_of(const Match& match) {
    return match.route == nullptr ? "" : match.route->method + " " + match.route->pattern;
}

} // namespace

TEST_CASE("a route is found by its method and its whole path") {
    const Router router = routes();
    CHECK(pattern_of(router.find("GET", "/")) == "GET /");
    CHECK(pattern_of(router.find("GET", "/things")) == "GET /things");
    CHECK(pattern_of(router.find("POST", "/things")) == "POST /things");
    CHECK(pattern_of(router.find("DELETE", "/things/a")) == "DELETE /things/{id}");
}

TEST_CASE("a captured segment is decoded, and a plus in it stays a plus") {
    const Router router = routes();
    const Match match = router.find("GET", "/things/a%20b+c");
    REQUIRE(match.route != nullptr);
    CHECK(match.captured == std::map<std::string, std::string>{{"id", "a b+c"}});
}

TEST_CASE("an encoded slash does not make two segments of one") {
    const Router router = routes();
    const Match match = router.find("GET", "/things/a%2Ffiles%2Fb");
    REQUIRE(match.route != nullptr);
    CHECK(match.captured.at("id") == "a/files/b");
}

TEST_CASE("a last capture takes all that follows, its slashes included") {
    const Router router = routes();
    const Match match = router.find("GET", "/things/x/files/a/b%20c.cxs");
    REQUIRE(match.route != nullptr);
    CHECK(match.captured.at("id") == "x");
    CHECK(match.captured.at("path") == "a/b c.cxs");
}

TEST_CASE("a path that is only the start of a route, or more than one, is no path") {
    const Router router = routes();
    for (const char* path : {"/thing", "/thingsx", "/things/", "/things//", "/things/a/", "/things/a/b", "//",
                             "/things/a/files", "/things/a/files/", "//files/x", "/THINGS"}) {
        INFO(path);
        const Match match = router.find("GET", path);
        CHECK(match.route == nullptr);
        CHECK(match.allowed.empty());
    }
}

TEST_CASE("a known path with another method tells which ones there are") {
    const Router router = routes();
    const Match match = router.find("PATCH", "/things/a");
    CHECK(match.route == nullptr);
    CHECK(match.allowed == std::vector<std::string>{"GET", "DELETE"});
    CHECK(router.find("get", "/things").route == nullptr);
}

TEST_CASE("a captured segment with a broken percent-encoding is invalid_argument") {
    const Router router = routes();
    try {
        router.find("GET", "/things/a%2");
        FAIL("it was taken");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::invalid_argument);
    }
}
