#include "manager/events/event_log.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

namespace {

void add(EventLog& log, const std::string& session) {
    Event event;
    event.session = session;
    log.add(std::move(event));
}

} // namespace

TEST_CASE("events after an id come in their order, with growing ids") {
    boost::asio::io_context io;
    EventLog log(io.get_executor(), 10);
    const std::uint64_t start = log.last_id();
    CHECK(log.since(start).empty());
    CHECK(log.is_complete_since(start));
    for (const char* name : {"a", "b", "c"})
        add(log, name);
    const auto events = log.since(start);
    REQUIRE(events.size() == 3);
    CHECK(events[0].session == "a");
    CHECK(events[0].id < events[1].id);
    CHECK(events[2].id == log.last_id());
    CHECK(log.since(events[1].id).size() == 1);
}

TEST_CASE(
    "who knows an event that is too old, of an earlier manager or of none, gets all there are, and is told") {
    boost::asio::io_context io;
    EventLog log(io.get_executor(), 3);
    const std::uint64_t start = log.last_id();
    for (const char* name : {"a", "b", "c", "d"})
        add(log, name);
    for (const std::uint64_t id : {start, std::uint64_t{7}, log.last_id() + 1}) {
        CHECK_FALSE(log.is_complete_since(id));
        REQUIRE(log.since(id).size() == 3);
        CHECK(log.since(id)[0].session == "b");
    }
    CHECK(log.is_complete_since(start + 1));
}

TEST_CASE("the next manager's ids are greater") {
    boost::asio::io_context io;
    EventLog log(io.get_executor(), 3);
    for (int i = 0; i < 100; ++i)
        add(log, "x");
    const auto before = std::chrono::system_clock::now();
    while (std::chrono::system_clock::now() - before < std::chrono::milliseconds(2)) {
    }
    CHECK(EventLog(io.get_executor(), 3).last_id() > log.last_id());
}
