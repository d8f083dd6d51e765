#include "talk.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <sys/mman.h>

using namespace sandbox;
using namespace sandbox::test;

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

TEST_CASE("a trailer that is longer than a field can be is 400, and ends no more than its connection") {
    Talk talk;
    CHECK(talk.last_status(post("Transfer-Encoding: chunked\r\n",
                                "0\r\nT: " + std::string(66000, 'a') + "\r\n\r\n")) == 400);
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
