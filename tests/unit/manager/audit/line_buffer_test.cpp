#include "manager/audit/line_buffer.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const WallTime kNow(1'700'000'000s);

} // namespace

TEST_CASE("lines come out in their order, once") {
    LineBuffer backlog(100);
    CHECK(backlog.empty());
    backlog.add("a\n", kNow);
    backlog.add("b\n", kNow);
    CHECK_FALSE(backlog.empty());
    const LineBuffer::Lines lines = backlog.take();
    CHECK(lines.with_gap(kNow) == "a\nb\n");
    CHECK(lines.count == 2);
    CHECK(lines.lost == 0);
    CHECK(backlog.empty());
    CHECK(backlog.take().empty());
}

TEST_CASE("what could not be written stands in front of what came meanwhile") {
    LineBuffer backlog(100);
    backlog.add("a\n", kNow);
    const LineBuffer::Lines lines = backlog.take();
    backlog.add("b\n", kNow);
    backlog.give_back(lines);
    const LineBuffer::Lines again = backlog.take();
    CHECK(again.text == "a\nb\n");
    CHECK(again.count == 2);
}

TEST_CASE("what finds no room is lost once, and told by the trail until that is written") {
    LineBuffer backlog(4);
    backlog.add("a\n", kNow);
    backlog.add("long\n", kNow + 1s);
    backlog.add("b\n", kNow + 2s); // what fits still goes in
    backlog.add("c\n", kNow + 3s);
    const LineBuffer::Lines lines = backlog.take();
    CHECK(lines.text == "a\nb\n");
    CHECK(lines.lost == 2);
    CHECK(lines.gap.count == 2);
    CHECK_THAT(lines.gap.text(), Catch::Contains("2 lines from 2023-11-14T22:13:21") &&
                                     Catch::Contains("to 2023-11-14T22:13:23"));
    backlog.give_back(lines);
    backlog.add("d\n", kNow + 9s);
    const LineBuffer::Lines again = backlog.take();
    CHECK(again.lost == 1);
    CHECK(again.gap.count == 3);
    CHECK(again.gap.since == kNow + 1s);
    CHECK(again.gap.until == kNow + 9s);
    CHECK_THAT(again.with_gap(kNow), Catch::StartsWith("a\nb\n{") && Catch::Contains("audit.lost"));
}

TEST_CASE("a gap alone is something to write") {
    LineBuffer backlog(1);
    backlog.add("a\n", kNow);
    CHECK_FALSE(backlog.empty());
    CHECK_THAT(backlog.take().with_gap(kNow), Catch::Contains("audit.lost"));
}
