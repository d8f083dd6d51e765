#include "sandbox/base/metric.hpp"

#include <array>

#include <catch2/catch.hpp>

using namespace sandbox::metric;

namespace {
constexpr std::array<double, 3> kBounds{0.1, 1, 10};
}

TEST_CASE("an observation is in the first bucket whose bound it does not exceed") {
    Histogram histogram(kBounds);
    for (const double value : {0.0, 0.1, 0.100001, 1.0, 9.0, 10.0, 10.5, 1e9})
        histogram.observe(value);
    CHECK(histogram.counts() == std::vector<std::uint64_t>{2, 2, 2, 2});
    CHECK(histogram.count() == 8);
    CHECK(histogram.sum() == Approx(1e9 + 30.700001));
}

TEST_CASE("each combination of labels has a value of its own, which begins with the first") {
    Counter counter({"policy", "result"}, 0);
    counter.at({"a", "x"}) += 1;
    counter.at({"a", "y"}) += 2;
    counter.at({"a", "x"}) += 3;
    const std::vector<Point> points = counter.points();
    REQUIRE(points.size() == 2);
    CHECK(points[0].labels == Labels{{"policy", "a"}, {"result", "x"}});
    CHECK(std::get<double>(points[0].value) == 4);
    CHECK(std::get<double>(points[1].value) == 2);
}
