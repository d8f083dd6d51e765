#include "api/http/file_range.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::api;
using Kind = RangeAnswer::Kind;

TEST_CASE("one range of bytes is a part of the file") {
    const auto part = [](const char* header, std::uint64_t first, std::uint64_t size) {
        INFO(header);
        const RangeAnswer answer = find_range(header, 10);
        CHECK(answer.kind == Kind::part);
        CHECK(answer.first == first);
        CHECK(answer.size == size);
    };
    part("bytes=0-0", 0, 1);
    part("bytes=2-4", 2, 3);
    part("bytes=5-", 5, 5);
    part("bytes=-3", 7, 3);
    part("bytes=-99", 0, 10);
    part("bytes=9-18446744073709551615", 9, 1);
    CHECK(find_range("bytes=2-4", 10).text(10) == "bytes 2-4/10");
}

TEST_CASE("several ranges, other units and what is malformed are the whole file") {
    for (const char* header :
         {"", "bytes", "bytes=", "bytes=-", "bytes=1", "bytes=4-2", "bytes=a-b", "bytes=1-2,3-4", "lines=1-2",
          "bytes=-1-2", "bytes=1-99999999999999999999", "bytes=+1-2"}) {
        INFO(header);
        const RangeAnswer answer = find_range(header, 10);
        CHECK(answer.kind == Kind::whole);
        CHECK(answer.size == 10);
    }
}

TEST_CASE("what begins behind the end is outside") {
    CHECK(find_range("bytes=10-", 10).kind == Kind::outside);
    CHECK(find_range("bytes=-0", 10).kind == Kind::outside);
    CHECK(find_range("bytes=0-", 0).kind == Kind::outside);
    CHECK(find_range("bytes=-1", 0).kind == Kind::outside);
}

TEST_CASE("an ETag is found in a list, weak or not") {
    CHECK(lists_tag("\"a\"", "\"a\""));
    CHECK(lists_tag("\"b\", W/\"a\"", "\"a\""));
    CHECK(lists_tag("*", "\"a\""));
    CHECK_FALSE(lists_tag("", "\"a\""));
    CHECK_FALSE(lists_tag("\"b\",a", "\"a\""));
}
