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

TEST_CASE("a body over the route's limit is 413, by its length or by its chunks, and reaches no handler") {
    for (const std::string& request :
         {post("Content-Length: 11\r\n", "01234567890"), post("Content-Length: 100000000\r\n", "0"),
          post("Content-Length: 9000000000000000000\r\n", "0"),
          post("Transfer-Encoding: chunked\r\n", "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n"),
          post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n0")}) {
        INFO(request);
        Talk talk({}, 10);
        CHECK(talk.last_status(request) == 413);
        CHECK(talk.bodies.empty());
    }
    Talk talk({}, 10);
    talk.send(post("Content-Length: 10\r\n", "0123456789"));
    talk.until_answers(1);
    CHECK(talk.bodies == std::vector<std::string>{"0123456789"});
}

TEST_CASE("a body's limit is its route's, however large, and is taken once the route is known") {
    const std::string body(kMaxRestBody + 1, 'x');
    Talk talk({}, 2 * kMaxRestBody);
    talk.send(post("Content-Length: " + std::to_string(body.size()) + "\r\n", body));
    talk.until_answers(1);
    CHECK(talk.received.starts_with("HTTP/1.1 200"));
    REQUIRE(talk.bodies.size() == 1);
    CHECK(talk.bodies[0] == body);
}

TEST_CASE("a client that sends all of a large body before it reads sees why it was refused") {
    const std::string body(40U << 20, 'x');
    for (const bool chunked : {false, true}) {
        Talk talk({}, 10);
        const std::string head = chunked ? "Transfer-Encoding: chunked\r\n"
                                         : "Content-Length: " + std::to_string(body.size()) + "\r\n";
        talk.send(post(head, chunked ? "2800000\r\n" + body + "\r\n0\r\n\r\n" : body));
        CHECK_FALSE(talk.over); // all of it was taken
        talk.until([&] { return talk.closed; });
        CHECK(talk.received.starts_with("HTTP/1.1 413"));
    }
}

TEST_CASE("a body that comes on, however slowly, is taken, and one that drips is not waited for") {
    const Patience patience{.pause = 200ms, .first = 400ms, .least_rate = 100};
    const auto send_all = [&](std::size_t piece) {
        auto talk = std::make_unique<Talk>(std::function<Response(const Request&)>(), kMaxJsonBody, patience);
        talk->send(post("Content-Length: 2000\r\n", ""));
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t sent = 0; sent < 2000 && talk->received.empty() && !talk->closed; sent += piece) {
            talk->send(std::string(piece, 'x'));
            const auto next = start + 50ms * (sent / piece + 1);
            talk->until([&] { return std::chrono::steady_clock::now() > next || talk->closed; });
        }
        talk->until([&] { return !talk->received.empty() || talk->closed; });
        return talk;
    };
    const auto start = std::chrono::steady_clock::now();
    CHECK(send_all(100)->received.starts_with("HTTP/1.1 200")); // a second: longer than each deadline
    CHECK(std::chrono::steady_clock::now() - start > 900ms);
    const auto dripped = send_all(1); // never a pause, and never an end
    CHECK(dripped->closed);
    CHECK(dripped->bodies.empty());
}

TEST_CASE("a body that is held in memory is not waited for beyond its time, however steadily it comes") {
    const Patience patience{.pause = 10s, .first = 10s, .least_rate = 1, .whole = 300ms};
    Talk talk({}, kMaxJsonBody, patience);
    talk.send(post("Content-Length: 2000\r\n", ""));
    const auto start = std::chrono::steady_clock::now();
    while (!talk.closed && std::chrono::steady_clock::now() < start + 9s) {
        talk.send("x");
        const auto next = std::chrono::steady_clock::now() + 50ms;
        talk.until([&] { return std::chrono::steady_clock::now() > next || talk.closed; });
    }
    CHECK(talk.closed);
    CHECK(talk.bodies.empty());
}

TEST_CASE("an answer that is read on, however slowly, is sent to its end, and one that is not read is cut") {
    const Patience patience{.pause = 300ms, .first = 600ms, .least_rate = 1000};
    const std::string body(4U << 20, 'x');
    for (const bool reads : {true, false}) {
        Talk talk([&](const Request&) { return text(body); }, kMaxJsonBody, patience);
        talk.reads = reads;
        talk.send(get("/"));
        talk.until([&] { return reads ? talk.received.size() > body.size() : talk.over; });
        CHECK(talk.over != reads);
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

TEST_CASE("what an answer holds is let go when all of it is sent, or cannot be") {
    for (const bool goes_on : {true, false}) {
        auto held = std::make_shared<int>(0);
        const std::weak_ptr<int> watched = held;
        Talk talk([&](const Request&) {
            Response response = text(std::string(8U << 20, 'x'));
            response.until_sent = std::exchange(held, nullptr);
            return response;
        });
        talk.reads = false;
        talk.send(get("/"));
        talk.until([&] { return !held; });
        CHECK_FALSE(watched.expired());
        talk.reads = true;
        if (goes_on)
            talk.until([&] { return watched.expired(); });
        else
            talk.go_away();
        CHECK(watched.expired());
    }
}

TEST_CASE("a file is sent for as long as its answer goes on, and then cut") {
    const auto asked = std::make_shared<int>(0);
    Talk talk([&](const Request&) {
        UniqueFd file(::memfd_create("body", MFD_CLOEXEC));
        if (::ftruncate(file.get(), 8 << 20) != 0)
            throw_errno("ftruncate");
        Response response;
        response.file = std::make_shared<const FileBody>(FileBody{std::move(file), 8 << 20});
        response.goes_on = [asked] { return ++*asked < 10; };
        return response;
    });
    talk.send(get("/"));
    talk.until([&] { return talk.closed; });
    CHECK(talk.received.size() < (1U << 20));
    CHECK(*asked == 10);
}

TEST_CASE("chunks are one body") {
    Talk talk;
    talk.send(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n") +
              get("/next"));
    talk.until_answers(2);
    CHECK(talk.bodies == std::vector<std::string>{"abcde", ""});
}

TEST_CASE("a malformed chunk is 400 and reaches no handler") {
    Talk talk;
    CHECK(talk.last_status(post("Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n")) == 400);
    CHECK(talk.bodies.empty());
}

TEST_CASE("who expects 100-continue is told to go on, unless the head is refused") {
    Talk talk;
    talk.send(post("Content-Length: 3\r\nExpect: 100-continue\r\n", ""));
    talk.until([&] { return has(talk.received, "HTTP/1.1 100 Continue\r\n\r\n"); });
    talk.send("abc");
    talk.until([&] { return has(talk.received, "HTTP/1.1 200 OK"); });
    CHECK(talk.bodies == std::vector<std::string>{"abc"});
    Talk refused;
    refused.send("POST /refused HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    refused.until([&] { return refused.closed; });
    CHECK(refused.received.starts_with("HTTP/1.1 403"));
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

TEST_CASE("a trailer that is longer than a field can be is 400, and ends no more than its connection") {
    Talk talk;
    CHECK(talk.last_status(post("Transfer-Encoding: chunked\r\n",
                                "0\r\nT: " + std::string(66000, 'a') + "\r\n\r\n")) == 400);
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

TEST_CASE("a file is sent to its last byte, and the next answer follows") {
    const UniqueFd file(::memfd_create("body", MFD_CLOEXEC));
    std::string content;
    for (int i = 0; content.size() < 300000; ++i)
        content += std::to_string(i) + " ";
    REQUIRE(::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    const auto answer = [&](const Request& request) {
        Response response = text("after");
        if (request.path == "/file")
            response.file =
                std::make_shared<const FileBody>(FileBody{UniqueFd(::dup(file.get())), content.size()});
        return response;
    };
    Talk talk(answer);
    talk.send(get("/file") + get("/after"));
    const std::string all = talk.all();
    CHECK(has(all, "Content-Length: " + std::to_string(content.size()) + "\r\n"));
    CHECK(has(all, "\r\n\r\n" + content + "HTTP/1.1 200 OK"));
    CHECK(all.ends_with("after"));
}

TEST_CASE("a file that is shorter than was said ends the connection, so that the caller sees it") {
    const auto answer = [](const Request&) {
        UniqueFd file(::memfd_create("body", MFD_CLOEXEC));
        if (::write(file.get(), "abc", 3) != 3)
            throw_errno("write");
        Response response;
        response.file = std::make_shared<const FileBody>(FileBody{std::move(file), 10});
        return response;
    };
    Talk talk(answer);
    talk.send(get("/file") + get("/after"));
    talk.until([&] { return talk.closed; });
    CHECK(talk.received.ends_with("\r\n\r\nabc"));
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

namespace {

/// A body of these pieces, as it is sent.
Response pieces(std::vector<std::string> texts) {
    Response response = text("");
    const auto left = std::make_shared<std::vector<std::string>>(std::move(texts));
    response.stream = [left]() -> asio::awaitable<std::optional<std::string>> {
        if (left->empty())
            co_return std::nullopt;
        std::string piece = left->front();
        left->erase(left->begin());
        co_return piece;
    };
    return response;
}

} // namespace

TEST_CASE("a body that is made as it is sent comes in chunks, and the next request is answered after it") {
    Talk talk([](const Request& request) {
        return request.path == "/stream" ? pieces({"one", "a longer piece \r\n"}) : text("after");
    });
    talk.send(get("/stream") + get("/next"));
    const std::string all = talk.all();
    CHECK(has(all, "Transfer-Encoding: chunked\r\n"));
    CHECK_FALSE(has(all.substr(0, all.find("\r\n\r\n")), "Content-Length"));
    CHECK(has(all, "\r\n\r\n3\r\none\r\n11\r\na longer piece \r\n\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(has(all, "after"));
}

TEST_CASE("HTTP/1.0 gets such a body as it is, to the end of the connection") {
    Talk talk([](const Request&) { return pieces({"one", "two"}); });
    CHECK(talk.last_status("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == 200);
    CHECK(talk.received.ends_with("\r\n\r\nonetwo"));
    CHECK_FALSE(has(talk.received, "chunked"));
}

TEST_CASE("a HEAD of such a body has its head alone") {
    Talk talk([](const Request&) { return pieces({"one"}); });
    talk.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(talk.all().ends_with("\r\n\r\n"));
    CHECK_FALSE(has(talk.received, "one"));
}

TEST_CASE("a client that goes away in the middle of such a body ends it") {
    const auto made = std::make_shared<int>(0);
    Talk talk([made](const Request&) {
        Response response = text("");
        response.stream = [made]() -> asio::awaitable<std::optional<std::string>> {
            ++*made;
            co_return std::string(100'000, 'x');
        };
        return response;
    });
    talk.send(get("/"));
    talk.until([&] { return talk.received.size() > 1'000'000; });
    talk.go_away();
    const int before = *made;
    CHECK(before > 9);
    CHECK_FALSE(talk.threw);
}
