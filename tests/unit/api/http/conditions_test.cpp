#include "api/http/conditions.hpp"
#include "api/http/http_date.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

constexpr std::time_t kChanged = 784'111'777; // Sun, 06 Nov 1994 08:49:37 GMT
const Validators kKnown{"\"a\"", kChanged};

Request with(Fields headers, const std::string& method = "GET") {
    Request request;
    request.method = method;
    request.headers = std::move(headers);
    return request;
}

unsigned status_of(Fields headers) {
    const auto answer = unmet_condition(with(std::move(headers)), kKnown);
    return answer ? answer->status : 200;
}

} // namespace

TEST_CASE("the three forms of a date of HTTP are read, and nothing else") {
    CHECK(http_date(kChanged) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == kChanged);
    CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == kChanged);
    CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == kChanged);
    for (const char* text :
         {"", "now", "1994-11-06", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT+1"})
        CHECK_FALSE(parse_http_date(text));
}

TEST_CASE("a GET's conditions are looked at in HTTP's order") {
    const std::string before = http_date(kChanged - 1), then = http_date(kChanged);
    CHECK(status_of({}) == 200);
    CHECK(status_of({{"if-match", "\"b\", \"a\""}}) == 200);
    CHECK(status_of({{"if-match", "*"}}) == 200);
    CHECK(status_of({{"if-match", "\"b\""}}) == 412);
    CHECK(status_of({{"if-match", "W/\"a\""}}) == 412); // strongly
    CHECK(status_of({{"if-match", "\"a\""}, {"if-unmodified-since", before}}) ==
          200); // the date is not looked at
    CHECK(status_of({{"if-unmodified-since", before}}) == 412);
    CHECK(status_of({{"if-unmodified-since", then}}) == 200);
    CHECK(status_of({{"if-none-match", "W/\"a\""}}) == 304); // weakly
    CHECK(status_of({{"if-none-match", "\"b\""}, {"if-modified-since", then}}) == 200);
    CHECK(status_of({{"if-modified-since", then}}) == 304);
    CHECK(status_of({{"if-modified-since", before}}) == 200);
    CHECK(status_of({{"if-modified-since", "soon"}}) == 200);
    CHECK(status_of({{"if-match", "\"b\""}, {"if-none-match", "\"a\""}}) == 412);
}

TEST_CASE("ETags are read as they stand in their quotes, and what is not a list of them is refused") {
    const auto tags = [](const std::string& text) {
        return preconditions_of(with({{"if-match", text}})).if_match;
    };
    CHECK(tags("\"a,b\" , W/\"c\",\"\"") == std::vector<std::string>{"\"a,b\"", "W/\"c\"", "\"\""});
    CHECK(tags(" * ") == std::vector<std::string>{"*"});
    for (const char* text : {"", "a", "\"a", "*, \"a\"", "\"a\", *", "w/\"a\"", "W/", "W/a", "\"\xe9\"",
                             "\"a b\"", "\"\x7f\""}) {
        INFO(text);
        CHECK_THROWS_AS(tags(text), Error);
    }
    std::string many = "\"0\"";
    for (int i = 1; i < 64; ++i)
        many += ", \"" + std::to_string(i) + '"';
    CHECK(tags(many)->size() == 64);
    CHECK_THROWS_AS(tags(many + ", \"64\""), Error);
    CHECK_THROWS_AS(preconditions_of(with({{"if-unmodified-since", "soon"}})), Error);
}

TEST_CASE("a range counts by the very same ETag or time, and not by a time whose second goes on") {
    CHECK(range_counts(with({}), kKnown));
    CHECK(range_counts(with({{"if-range", "\"a\""}}), kKnown));
    CHECK(range_counts(with({{"if-range", http_date(kChanged)}}), kKnown));
    for (const std::string& text :
         {std::string("\"b\""), std::string("W/\"a\""), http_date(kChanged + 1), std::string("x")})
        CHECK_FALSE(range_counts(with({{"if-range", text}}), kKnown));
    const std::time_t now = std::time(nullptr) + 1;
    CHECK_FALSE(range_counts(with({{"if-range", http_date(now)}}), {"\"a\"", now}));
}

TEST_CASE("a route without ETags refuses what should protect something from being changed") {
    CHECK_FALSE(refuse_conditions(with({{"if-none-match", "\"a\""}})));
    CHECK_FALSE(refuse_conditions(with({{"if-match", "*"}}, "PATCH")));
    CHECK(refuse_conditions(with({{"if-match", "\"a\""}}))->status == 412);
    for (const char* header : {"if-none-match", "if-unmodified-since"})
        CHECK(refuse_conditions(with({{header, "*"}}, "PATCH"))->status == 412);
}
