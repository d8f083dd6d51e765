#include "api/http/body_digest.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

const char* const kSha256 = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"; // of abc
const char* const kSha512 =
    "sha-512=:3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4q"
    "mslPpUyknw==:";
const char* const kMd5 = "kAFQmDzST7DWlj99KOF/cg==";

void check(Fields headers, const std::string& body) {
    Request request;
    request.headers = std::move(headers);
    BodyDigest digest(request);
    for (const char c : body)
        digest.add(std::string_view(&c, 1));
    digest.check();
}

} // namespace

TEST_CASE("a body is what its digests say, or is refused") {
    for (const Fields& headers :
         {Fields{}, Fields{{"content-digest", kSha256}}, Fields{{"content-md5", kMd5}},
          Fields{{"repr-digest", kSha256}, {"content-md5", kMd5}}}) {
        CHECK_NOTHROW(check(headers, "abc"));
        if (!headers.empty())
            CHECK_THROWS_AS(check(headers, "abd"), Error);
    }
    CHECK_THROWS_AS(check({{"content-digest", kSha512}}, "abd"), Error);
    CHECK_NOTHROW(check({{"content-digest", std::string(kSha256) + ", " + kSha512}}, "abc"));
}

TEST_CASE("a body is hashed once for each field and algorithm, however many digests a request has") {
    const std::string twice = std::string(kSha256) + ", " + kSha256;
    CHECK_THROWS_AS(check({{"content-digest", twice}}, "abc"), Error);
    CHECK_THROWS_AS(check({{"repr-digest", std::string(kSha512) + "," + twice}}, "abc"), Error);
    CHECK_NOTHROW(check({{"content-digest", std::string(kSha256) + ", " + kSha512},
                         {"repr-digest", std::string(kSha512) + ", " + kSha256},
                         {"content-md5", kMd5}},
                        "abc"));
}

TEST_CASE("a digest that cannot be looked at is refused before the body") {
    for (const Fields& headers :
         {Fields{{"digest", "sha-256=ungWv48="}}, Fields{{"content-digest", "sha-256"}},
          Fields{{"content-digest", "sha-256=abc"}}, Fields{{"content-digest", "sha-256=:%:"}},
          Fields{{"content-digest", "crc32c=:AAAA:"}}, Fields{{"content-digest", "md5=:AAAA:"}},
          Fields{{"content-md5", "x"}}, Fields{{"trailer", "Content-Digest"}}, Fields{{"content-md5", ""}}}) {
        Request request;
        request.headers = headers;
        INFO(headers[0].first << ": " << headers[0].second);
        CHECK_THROWS_AS(BodyDigest(request), Error);
    }
}
