#include "ctl/http/event_stream.hpp"
#include "sandbox/base/error.hpp"

#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

const std::string kStream = ": hello\n\nid: 7\nevent: state\ndata: {\"state\":\"ready\"}\n\n"
                            "id: 8\r\nevent: state\r\ndata: {\"state\":\r\ndata: \"ended\"}\r\n\r\n"
                            "id: 9\nevent: state\ndata: {\"cut";

std::vector<StreamEvent> read_in_pieces(std::size_t size) {
    std::vector<StreamEvent> events;
    EventReader reader([&](const StreamEvent& event) { events.push_back(event); });
    for (std::size_t at = 0; at < kStream.size(); at += size)
        reader.take(std::string_view(kStream).substr(at, size));
    return events;
}

} // namespace

TEST_CASE("events are read from a stream however it is cut, comments and a cut end left out") {
    for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}, kStream.size()}) {
        const std::vector<StreamEvent> events = read_in_pieces(size);
        CAPTURE(size);
        REQUIRE(events.size() == 2);
        CHECK(events[0].id == "7");
        CHECK(events[0].type == "state");
        CHECK(events[0].data == R"({"state":"ready"})");
        CHECK(nlohmann::json::parse(events[1].data)["state"] == "ended");
    }
}

TEST_CASE("a stream without lines does not fill the memory") {
    EventReader reader([](const StreamEvent&) {});
    const std::string piece(64 << 10, 'x');
    const auto take_much = [&] {
        for (int i = 0; i < 64; ++i)
            reader.take(piece);
    };
    CHECK_THROWS_AS(take_much(), Error);
}

TEST_CASE("an event is a line, and what a tenant wrote does no harm to a terminal") {
    CHECK(event_line({{"type", "state"},
                      {"at", "2026-01-31T09:05:07Z"},
                      {"session", "abcdefghijklmnop"},
                      {"tenant", "acme"},
                      {"state", "ended"},
                      {"previous_state", "ready"},
                      {"reason", "deleted"},
                      {"message", "by\033[2J\na caller"}}) ==
          "2026-01-31T09:05:07Z  abcdefghijklmnop  acme  ready → ended  deleted  by?[2J?a caller");
    CHECK(event_line({{"type", "expiring"}, {"at", "now"}, {"state", "ready"}, {"expires_at", "then"}}) ==
          "now  expiring  then");
    CHECK(event_line("nonsense") == "-  -");
}
