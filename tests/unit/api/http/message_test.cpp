#include "api/http/message.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

Request parsed(std::string_view target) {
    Request request;
    parse_target(request, target);
    return request;
}

template <typename Action>
std::string field_of_refusal(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(error.code() == Errc::invalid_argument);
        return error.field();
    }
    return "it was taken";
}

} // namespace

TEST_CASE("a target is split at its first question mark, and the path stays encoded") {
    const Request request = parsed("/a%20b/c?x=1?2&y=%26+z");
    CHECK(request.target == "/a%20b/c?x=1?2&y=%26+z");
    CHECK(request.path == "/a%20b/c");
    CHECK(request.query == Fields{{"x", "1?2"}, {"y", "& z"}});
    CHECK(request.raw_query() == "?x=1?2&y=%26+z");
}

TEST_CASE("a target without a query has none") {
    const Request request = parsed("/run");
    CHECK(request.path == "/run");
    CHECK(request.query.empty());
    CHECK(request.raw_query().empty());
}

TEST_CASE("a parameter may be empty or without a value, and empty ones between ampersands are none") {
    CHECK(parsed("/?a&b=&&=c&").query == Fields{{"a", ""}, {"b", ""}, {"", "c"}});
}

TEST_CASE("parameters keep the order in which they came, and twice the same one stays twice") {
    const Request request = parsed("/?b=1&a=2&b=3");
    CHECK(request.query == Fields{{"b", "1"}, {"a", "2"}, {"b", "3"}});
    CHECK(request.parameter("b") == "1");
    CHECK_FALSE(request.parameter("c"));
}

TEST_CASE("a second target leaves nothing of the first") {
    Request request = parsed("/one?a=1");
    parse_target(request, "/two");
    CHECK(request.path == "/two");
    CHECK(request.query.empty());
}

TEST_CASE("a target in absolute form is its path, and its host counts") {
    struct Case {
        const char *target, *path, *host;
    };
    for (const Case& one :
         {Case{"http://localhost/run", "/run", "localhost"},
          Case{"HTTPS://localhost:80/a?b=http://c", "/a", "localhost:80"},
          Case{"http://localhost", "/", "localhost"}, Case{"http://[::1]:8600?a=1", "/", "[::1]:8600"}}) {
        INFO(one.target);
        Request request;
        request.headers = {{"host", "elsewhere"}, {"x", "y"}};
        parse_target(request, one.target);
        CHECK(request.path == one.path);
        CHECK(request.target.starts_with('/'));
        CHECK(request.header("host") == one.host);
    }
}

TEST_CASE("a target that is in no form of a path, or has bytes that no URL has, is refused") {
    using namespace std::string_view_literals;
    for (const std::string_view target :
         {""sv, "run"sv, "*"sv, "ftp://localhost/run"sv, "http:///run"sv, "http://a@b/run"sv,
          "localhost:80"sv, "/a b"sv, "/a\tb"sv, "/a\0b"sv, "/a\x7f"sv, "/\xc3\xa9"sv, "?a=1"sv}) {
        INFO(target);
        CHECK(field_of_refusal([&] { parsed(target); }) == "url");
    }
}

TEST_CASE("a query with a broken percent-encoding is refused") {
    for (const char* target : {"/?a=%", "/?a=%4", "/?a=%4g", "/?%zz=1", "/?a=%-1"}) {
        INFO(target);
        CHECK(field_of_refusal([&] { parsed(target); }) == "url");
    }
}

TEST_CASE("percent-encoding is decoded once, in both cases of hex") {
    CHECK(percent_decode("%41%7a%7A", false) == "Azz");
    CHECK(percent_decode("%2541", false) == "%41");
    CHECK(percent_decode("%00", false) == std::string(1, '\0'));
    CHECK(percent_decode("%C3%A9", false) == "\xc3\xa9");
    CHECK(percent_decode("", false).empty());
}

TEST_CASE("a plus is a space only where it is asked for") {
    CHECK(percent_decode("a+b", true) == "a b");
    CHECK(percent_decode("a+b", false) == "a+b");
    CHECK(percent_decode("a%2Bb", true) == "a+b");
}

TEST_CASE("parameters that the route does not know, or that come twice, are refused by name") {
    CHECK_NOTHROW(check_parameters(parsed("/?a=1&b=2"), {"a", "b", "c"}));
    CHECK(field_of_refusal([] { check_parameters(parsed("/?a=1&d=2"), {"a"}); }) == "d");
    CHECK(field_of_refusal([] { check_parameters(parsed("/?a=1&a=1"), {"a"}); }) == "a");
    CHECK(field_of_refusal([] { check_parameters(parsed("/?A=1"), {"a"}); }) == "A");
    CHECK(field_of_refusal([] { check_parameters(parsed("/?a=1"), {}); }) == "a");
}

TEST_CASE("the first header of a name is the one that counts") {
    Request request;
    request.headers = {{"host", "a"}, {"host", "b"}};
    CHECK(request.header("host") == "a");
    CHECK_FALSE(request.header("Host"));
}
