#include "api/auth/auth.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

const Peer kRemote{};
const Peer kLocal{.local = true, .uid = 4001, .groups = {}};

/// The refusal of a request with these headers; none where it passes.
std::optional<Errc> refusal(const Peer& peer, Fields headers) {
    Request request;
    request.headers = std::move(headers);
    try {
        check_host_and_origin(request, peer);
    } catch (const Error& error) {
        return error.code();
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("a bearer token is the one word after its scheme, in any case") {
    CHECK(bearer_token("Bearer abc") == "abc");
    CHECK(bearer_token("bEARER   abc") == "abc");
    for (const char* header :
         {"", "Bearer", "Bearer ", "Bearer   ", "Bearer a b", "Bearera", "Basic abc", "abc"})
        CHECK_FALSE(bearer_token(header));
}

TEST_CASE("the password of Basic is all that follows the first colon") {
    CHECK(basic_password("Basic dXNlcjpwYXNz") == "pass");    // user:pass
    CHECK(basic_password("basic dTphOmI=") == "a:b");         // u:a:b
    CHECK(basic_password("Basic OnNlY3JldA==") == "secret");  // :secret
    CHECK(basic_password("Basic dXNlcjo=") == std::string()); // user:
}

TEST_CASE("Basic that is no base64, or has no colon, has no password") {
    for (const char* header : {"Basic", "Basic ", "Basic dXNlcg==", "Basic dXNlcjpwYXN", "Basic !!!!",
                               "Basic a", "Bearer dXNlcjpwYXNz", "Basic ===="}) {
        INFO(header);
        CHECK_FALSE(basic_password(header));
    }
    CHECK_FALSE(basic_password("Basic " + std::string(8192, 'O')));
}

TEST_CASE("the hosts of loopback are localhost, 127.0.0.1 and [::1], with or without a port") {
    for (const char* host :
         {"localhost", "LocalHost:8600", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:65535"})
        CHECK(is_loopback_host(host));
}

TEST_CASE("a name that only looks like loopback is none") {
    for (const char* host :
         {"", "localhost.evil.example", "localhostx", "127.0.0.1.evil.example", "127.0.0.2", "evil.example",
          "localhost:", "localhost:80x", "localhost:123456", "localhost:80:80", "::1", "[::1", "[::1]x",
          "user@localhost", " localhost", "localhost/"}) {
        INFO(host);
        CHECK_FALSE(is_loopback_host(host));
    }
}

TEST_CASE("a Host that is not loopback is refused on every socket") {
    for (const Peer& peer : {kRemote, kLocal}) {
        CHECK(refusal(peer, {{"host", "evil.example"}}) == Errc::invalid_argument);
        CHECK_FALSE(refusal(peer, {{"host", "localhost:8600"}}));
    }
}

TEST_CASE("a name that the site lists is a Host and an Origin, with any port, and no other") {
    const auto code = [](const std::string& host, const std::string& origin) -> std::optional<Errc> {
        Request request;
        request.headers = {{"host", host}};
        if (!origin.empty())
            request.headers.emplace_back("origin", origin);
        try {
            check_host_and_origin(request, kRemote, {"sandbox.example.org", "10.0.0.5"});
        } catch (const Error& error) {
            return error.code();
        }
        return std::nullopt;
    };
    CHECK_FALSE(code("sandbox.example.org", ""));
    CHECK_FALSE(code("Sandbox.Example.Org:8600", "https://sandbox.example.org:8600"));
    CHECK_FALSE(code("10.0.0.5:1", ""));
    CHECK_FALSE(code("localhost", "http://localhost"));
    for (const char* host :
         {"example.org", "sandbox.example.org.evil.example", "x.sandbox.example.org", "10.0.0.50"})
        CHECK(code(host, "") == Errc::invalid_argument);
    CHECK(code("sandbox.example.org", "https://evil.example") == Errc::denied);
}

TEST_CASE("only on a unix socket, which no browser opens, may the Host be absent") {
    CHECK_FALSE(refusal(kLocal, {}));
    CHECK_FALSE(refusal(kLocal, {{"host", ""}}));
    CHECK(refusal(kRemote, {}) == Errc::invalid_argument);
    CHECK(refusal(kRemote, {{"host", ""}}) == Errc::invalid_argument);
}

TEST_CASE("a page of another origin is denied, one of loopback is not") {
    for (const char* origin :
         {"null", "", "http://evil.example", "https://localhost.evil.example", "localhost", "file://",
          "http://", "ftp://localhost", "http://evil.example:80/http://localhost"}) {
        INFO(origin);
        CHECK(refusal(kRemote, {{"host", "localhost"}, {"origin", origin}}) == Errc::denied);
    }
    for (const char* origin : {"http://localhost:3000", "https://127.0.0.1", "HTTP://[::1]:80"})
        CHECK_FALSE(refusal(kRemote, {{"host", "localhost"}, {"origin", origin}}));
}
