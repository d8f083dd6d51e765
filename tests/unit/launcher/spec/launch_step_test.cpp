#include "launcher/spec/launch_step.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace sandbox::launcher;

TEST_CASE("every step has a name of its own that reads back") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kStepCount; ++i) {
        const auto step = static_cast<Step>(i);
        CHECK(names.insert(to_text(step)).second);
        CHECK(step_from_text(to_text(step)) == step);
    }
    CHECK_FALSE(step_from_text("no_such_step"));
}

TEST_CASE("a timeline tells the steps that were done, in order, since its start") {
    Timeline timeline;
    timeline.start();
    timeline.mark(Step::network);
    timeline.mark(Step::exec_engine);
    const auto entries = timeline.entries();
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].step == "network");
    CHECK(entries[1].step == "exec_engine");
    CHECK(entries[0].microseconds <= entries[1].microseconds);
}
