#include "talk.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <sys/mman.h>

using namespace sandbox;
using namespace sandbox::test;

TEST_CASE("two requests that come at once are answered one after the other, in their order") {
    Talk talk;
    talk.send(get("/one") + get("/two"));
    const std::string all = talk.all();
    CHECK(talk.count_of("HTTP/1.1 200 OK") == 2);
    CHECK(all.find("GET /one") < all.find("GET /two"));
    CHECK(has(all, "GET /two"));
}

TEST_CASE("a connection is kept for the next request, and ended where the caller says close") {
    Talk talk;
    talk.send(get("/one"));
    talk.until_answers(1);
    talk.send(get("/two", "Connection: close\r\n"));
    talk.until([&] { return talk.closed; });
    CHECK(talk.count_of("HTTP/1.1 200 OK") == 2);
    CHECK(talk.count_of("Connection: close") == 1);
}

TEST_CASE("a request that comes byte by byte is one request") {
    Talk talk;
    for (const char c : post("Content-Length: 3\r\n", "abc"))
        talk.send(std::string_view(&c, 1));
    talk.until_answers(1);
    CHECK(talk.bodies == std::vector<std::string>{"abc"});
}

TEST_CASE("HTTP/1.0 is answered, and its connection ends") {
    Talk talk;
    CHECK(talk.last_status("GET /old HTTP/1.0\r\n\r\n") == 200);
    CHECK(has(talk.received, "GET /old"));
}

TEST_CASE("what is not HTTP is answered 400 and ends the conversation") {
    for (const char* request :
         {"hello\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n", "GET /\r\n\r\n",
          "GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\nBad name : x\r\n\r\n",
          "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n"}) {
        INFO(request);
        Talk talk;
        CHECK(talk.last_status(request) == 400);
        CHECK(talk.heads.empty());
    }
}

TEST_CASE("a request that says in two ways where it ends is answered 400, and nothing of it is read on") {
    const std::string chunked = "Transfer-Encoding: chunked\r\n", smuggled = "0\r\n\r\n" + get("/smuggled");
    for (const std::string& headers :
         {"Content-Length: 4\r\n" + chunked, chunked + "Content-Length: 4\r\n", chunked + chunked,
          std::string("Content-Length: 4\r\nContent-Length: 4\r\n"),
          std::string("Content-Length: 4\r\nContent-Length: 5\r\n"),
          std::string("Transfer-Encoding: gzip, chunked\r\n"),
          std::string("Transfer-Encoding: identity\r\n")}) {
        INFO(headers);
        Talk talk;
        CHECK(talk.last_status(post(headers, smuggled)) == 400);
        CHECK(talk.heads.empty());
    }
}

TEST_CASE("HTTP/1.0 has no chunks") {
    Talk talk;
    CHECK(talk.last_status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

TEST_CASE("Host, Authorization and Origin are given once at most") {
    for (const char* name : {"Host", "Authorization", "Origin"}) {
        Talk talk;
        CHECK(talk.last_status("GET / HTTP/1.1\r\n" + std::string(name) + ": a\r\n" + name + ": b\r\n\r\n") ==
              400);
        CHECK(talk.heads.empty());
    }
}

TEST_CASE("a target may have 65,536 bytes; a longer one is 414") {
    Talk talk;
    talk.send(get("/" + std::string(kMaxTarget - 1, 'a')));
    talk.until_answers(1);
    CHECK(talk.received.starts_with("HTTP/1.1 200"));
    for (const std::size_t size : {kMaxTarget, 2 * kMaxTarget + 1000, 8 * kMaxTarget}) {
        INFO(size);
        Talk longer;
        CHECK(longer.last_status(get("/" + std::string(size, 'a'))) == 414);
        CHECK(longer.heads.empty());
    }
}

TEST_CASE("headers may have 64 KiB together; more is 431") {
    Talk talk;
    talk.send(get("/", "X: " + std::string(60000, 'a') + "\r\n"));
    talk.until_answers(1);
    CHECK(talk.received.starts_with("HTTP/1.1 200"));
    for (const std::size_t size : {kMaxHeaders, 3 * kMaxHeaders}) {
        INFO(size);
        Talk more;
        CHECK(more.last_status(get("/", "X: " + std::string(size, 'a') + "\r\n")) == 431);
        CHECK(more.heads.empty());
    }
}

TEST_CASE("headers that change what a request means are honoured or refused, and no handler sees the rest") {
    struct Case {
        const char* headers;
        int status;
        const char* field;
    };
    for (const Case& one :
         {Case{"Content-Range: bytes 0-2/10\r\n", 400, "content-range"},
          Case{"Upload-Offset: 0\r\n", 400, "upload-offset"},
          Case{"Upload-Complete: ?0\r\n", 400, "upload-complete"},
          Case{"Tus-Resumable: 1.0.0\r\n", 400, "tus-resumable"},
          Case{"Content-Encoding: gzip\r\n", 415, "Content-Encoding"},
          Case{"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", 415, "Content-Encoding"},
          Case{"Expect: 200-ok\r\n", 417, "Expect"},
          Case{"X-HTTP-Method-Override: DELETE\r\n", 400, "x-http-method-override"},
          Case{"Content-Type: a/b\r\nContent-Type: c/d\r\n", 400, ""},
          Case{"Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 400, ""}}) {
        INFO(one.headers);
        Talk talk;
        CHECK(talk.last_status(post(std::string("Content-Length: 3\r\n") + one.headers, "abc")) ==
              one.status);
        CHECK(has(talk.received, "application/problem+json"));
        const std::string field = one.field;
        CHECK(has(talk.received, field.empty() ? "twice" : R"("field":")" + field + '"'));
        CHECK(talk.heads.empty());
    }
    for (const char* headers : {"Content-Encoding: identity\r\n", "X-HTTP-Method-Override: POST\r\n",
                                "Prefer: return=minimal\r\n", "TE: trailers\r\n"}) {
        INFO(headers);
        Talk talk;
        talk.send(post(std::string("Content-Length: 3\r\n") + headers, "abc"));
        talk.until_answers(1);
        CHECK(talk.received.starts_with("HTTP/1.1 200"));
    }
}

TEST_CASE("a list that comes in several lines of one header is one list") {
    Talk talk;
    talk.send(get("/", "If-Match: \"a\"\r\nX-Other: 1\r\nif-match: \"b\"\r\n"));
    talk.until_answers(1);
    REQUIRE(talk.heads.size() == 1);
    CHECK(talk.heads[0].header("if-match") == "\"a\", \"b\"");
}

TEST_CASE("a refusal by the head leaves the connection open, unless a body that was not read would follow") {
    Talk talk;
    talk.send(get("/refused") + get("/next"));
    talk.until_answers(2);
    CHECK(talk.received.starts_with("HTTP/1.1 403"));
    CHECK(has(talk.received, "GET /next"));
    Talk body;
    CHECK(body.last_status("POST /refused HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + get("/smuggled")) ==
          403);
    CHECK(body.heads.size() == 1);
}

TEST_CASE("who is asked for a token is told so, however long the body would be") {
    Talk talk;
    CHECK(talk.last_status("POST /token HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello") == 401);
    CHECK(talk.bodies.empty());
}

TEST_CASE("HEAD is answered without a body, and the next answer follows at once") {
    Talk talk;
    talk.send("HEAD /h HTTP/1.1\r\n\r\n" + get("/next"));
    const std::string all = talk.all();
    CHECK(has(all, "Content-Length: 7\r\n"));
    CHECK_FALSE(has(all, "HEAD /h"));
    CHECK(has(all, "GET /next"));
}

TEST_CASE("an unknown method is the admission's to judge") {
    Talk talk;
    talk.send("BREW /pot HTTP/1.1\r\n\r\n");
    talk.until_answers(1);
    REQUIRE(talk.heads.size() == 1);
    CHECK(talk.heads[0].method == "BREW");
}

TEST_CASE("a client that goes away in the middle ends the conversation, and nothing is thrown") {
    for (const std::string& part :
         {std::string(), std::string("GE"), std::string("GET / HTTP/1.1\r\nHost:"), get("/"),
          post("Content-Length: 10\r\n", "012"), post("Transfer-Encoding: chunked\r\n", "5\r\nab")}) {
        INFO(part);
        Talk talk;
        talk.send(part);
        talk.go_away();
        CHECK_FALSE(talk.threw);
        CHECK(talk.bodies.size() <= 1);
    }
}

TEST_CASE("a client that goes away while it is sent much ends the conversation") {
    Talk talk([](const Request&) { return text(std::string(8U << 20, 'x')); });
    talk.send(get("/"));
    talk.go_away();
    CHECK_FALSE(talk.threw);
}

TEST_CASE("a caller's own id comes back where it is plain, else a new one") {
    for (const auto& [sent, same] : std::vector<std::pair<std::string, bool>>{
             {"abc-1.2_Z", true}, {"a b", false}, {"<script>", false}, {std::string(129, 'a'), false}}) {
        INFO(sent);
        Talk talk;
        talk.send(get("/", "X-Request-Id: " + sent + "\r\n"));
        talk.until_answers(1);
        CHECK(has(talk.received, "X-Request-Id: "));
        CHECK(has(talk.received, "X-Request-Id: " + sent + "\r\n") == same);
    }
}

TEST_CASE("a line break in a header value or type of an answer forges no header") {
    const auto answer = [](const Request&) {
        return Response{
            .content_type = "text/plain\r\nSet-Cookie: a=b", .body = "x", .headers = {{"Allow", "A\nB: c"}}};
    };
    Talk talk(answer);
    talk.send(get("/"));
    talk.until_answers(1);
    CHECK_FALSE(has(talk.received, "\nSet-Cookie"));
    CHECK_FALSE(has(talk.received, "\nB:"));
    CHECK(has(talk.received, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(has(talk.received, "Cache-Control: no-store\r\n"));
}

TEST_CASE("a defect in a handler is 500 without its words") {
    Talk talk;
    talk.send(get("/throws"));
    talk.until_answers(1);
    CHECK(talk.received.starts_with("HTTP/1.1 500"));
    CHECK_FALSE(has(talk.received, "secret"));
}
