#include "ctl/http/api_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

ApiClient client_that_gets(unsigned status, std::string body) {
    return ApiClient([status, body = std::move(body)](const HttpRequest&, Duration) {
        return HttpReply{status, "application/json", body};
    });
}

template <typename Action>
Error error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    FAIL("it succeeded, but must not");
    throw std::logic_error("not reached");
}

constexpr const char* kThree =
    R"({"sessions": [{"id": "abcdefghijklmnop"}, {"id": "abcxyzghijklmnop"}, {"id": "qrstuvwxyz234567"}]})";

} // namespace

TEST_CASE("a problem document becomes the error that it stands for, with its cure and field") {
    const Error error = error_of([] {
        client_that_gets(
            400,
            R"({"code": "invalid_argument", "detail": "no such key", "cure": "leave it out", "field": "x.y"})")
            .get("/");
    });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK(error.what() == std::string("x.y: no such key"));
    CHECK(error.cure() == "leave it out");
    CHECK(error.field() == "x.y");
}

TEST_CASE("each status of the API leads to its exit status") {
    const auto [status, code, expected] = GENERATE(table<unsigned, const char*, int>({
        {400, "invalid_argument", 2},
        {401, "unauthenticated", 4},
        {403, "denied", 4},
        {404, "not_found", 3},
        {409, "conflict", 1},
        {410, "gone", 3},
        {413, "too_large", 2},
        {429, "quota", 5},
        {500, "internal", 1},
        {502, "engine", 1},
        {429, "capacity", 5},
        {503, "pressure", 5},
        {503, "unavailable", 1},
        {504, "timed_out", 6},
    }));
    const HttpReply reply{status, "application/problem+json",
                          Json{{"code", code}, {"detail", "words"}}.dump()};
    CHECK(errc_info(error_of_reply(reply).code()).exit_status == expected);
}

TEST_CASE("a failure that is no problem document, as of a proxy between, is told by its status") {
    const auto [status, expected] =
        GENERATE(table<unsigned, int>({{401, 4}, {403, 4}, {404, 3}, {418, 1}, {429, 5}, {504, 6}}));
    const Error error = error_of_reply({status, "text/html", "<h1>no</h1>"});
    CHECK(errc_info(error.code()).exit_status == expected);
    CHECK(std::string(error.what()).find(std::to_string(status)) != std::string::npos);
}

TEST_CASE("a success that is not JSON is an error, not an empty answer") {
    CHECK(error_of([] { client_that_gets(200, "<html>").get("/"); }).code() == Errc::unavailable);
}

TEST_CASE("a session is found by a prefix that only its id has") {
    const ApiClient client = client_that_gets(200, kThree);
    CHECK(client.find_session("q") == "qrstuvwxyz234567");
    CHECK(client.find_session("abcx") == "abcxyzghijklmnop");
}

TEST_CASE("a whole id is not looked up") {
    const ApiClient client(
        [](const HttpRequest&, Duration) -> HttpReply { throw std::logic_error("asked"); });
    CHECK(client.find_session("abcdefghijklmnop") == "abcdefghijklmnop");
}

TEST_CASE("a prefix of several ids is bad input that names them") {
    const Error error = error_of([] { client_that_gets(200, kThree).find_session("abc"); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK(error.cure().find("abcdefghijklmnop, abcxyzghijklmnop") != std::string::npos);
}

TEST_CASE("a prefix of no id, and an empty one, is not found") {
    CHECK(error_of([] { client_that_gets(200, kThree).find_session("zz"); }).code() == Errc::not_found);
    CHECK(error_of([] { client_that_gets(200, kThree).find_session(""); }).code() == Errc::not_found);
}

TEST_CASE("what goes into a URL is percent-encoded") {
    CHECK(encode_component("a b&c=ä/~") == "a%20b%26c%3D%C3%A4%2F~");
}
