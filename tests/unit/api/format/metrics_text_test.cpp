#include "api/format/metrics_text.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;
using metric::Kind;

namespace {

constexpr std::array<double, 3> kBounds{0.25, 1, 1e10};

std::vector<metric::Family> some_of_each() {
    metric::Histogram times(kBounds);
    times.observe(0.25);
    times.observe(0.5);
    times.observe(1e11);
    return {{"x_ends", Kind::counter, "Ends.", {{{{"policy", "a"}, {"reason", "idle"}}, 3.0}}},
            {"x_length", Kind::gauge, "Length.", {{{}, 0.5}}},
            {"x_none", Kind::gauge, "Nothing.", {}},
            {"x_seconds", Kind::histogram, "Times.", {{{{"phase", "b"}}, times}}}};
}

} // namespace

TEST_CASE("Prometheus' text names a counter with _total everywhere, and has no end mark") {
    CHECK(metrics_text(some_of_each(), MetricsFormat::prometheus) ==
          "# HELP x_ends_total Ends.\n"
          "# TYPE x_ends_total counter\n"
          "x_ends_total{policy=\"a\",reason=\"idle\"} 3\n"
          "# HELP x_length Length.\n"
          "# TYPE x_length gauge\n"
          "x_length 0.5\n"
          "# HELP x_seconds Times.\n"
          "# TYPE x_seconds histogram\n"
          "x_seconds_bucket{phase=\"b\",le=\"0.25\"} 1\n"
          "x_seconds_bucket{phase=\"b\",le=\"1.0\"} 2\n"
          "x_seconds_bucket{phase=\"b\",le=\"1e+10\"} 2\n"
          "x_seconds_bucket{phase=\"b\",le=\"+Inf\"} 3\n"
          "x_seconds_sum{phase=\"b\"} 100000000000.75\n"
          "x_seconds_count{phase=\"b\"} 3\n");
}

TEST_CASE("OpenMetrics names the family without _total, and ends with its mark") {
    const std::string text = metrics_text(some_of_each(), MetricsFormat::open_metrics);
    CHECK(text.starts_with("# HELP x_ends Ends.\n"
                           "# TYPE x_ends counter\n"
                           "x_ends_total{policy=\"a\",reason=\"idle\"} 3\n"));
    CHECK(text.ends_with("x_seconds_count{phase=\"b\"} 3\n# EOF\n"));
    CHECK(metrics_text({}, MetricsFormat::open_metrics) == "# EOF\n");
    CHECK(metrics_text({}, MetricsFormat::prometheus).empty());
}

TEST_CASE("no value of a label or help can leave its place") {
    const std::vector<metric::Family> families{
        {"x", Kind::gauge, "a \"b\" \\ c\nd", {{{{"l", "1\"} 7\nx{l=\"\\"}}, 2.0}}}};
    CHECK(metrics_text(families, MetricsFormat::prometheus) == "# HELP x a \"b\" \\\\ c\\nd\n"
                                                               "# TYPE x gauge\n"
                                                               "x{l=\"1\\\"} 7\\nx{l=\\\"\\\\\"} 2\n");
    CHECK(
        metrics_text(families, MetricsFormat::open_metrics).starts_with("# HELP x a \\\"b\\\" \\\\ c\\nd\n"));
}

TEST_CASE("numbers keep every digit") {
    const auto shown = [](double value) {
        const std::string text =
            metrics_text({{"x", Kind::gauge, "X.", {{{}, value}}}}, MetricsFormat::prometheus);
        return text.substr(text.rfind("\nx ") + 3);
    };
    CHECK(shown(0) == "0\n");
    CHECK(shown(123456789012345) == "123456789012345\n");
    CHECK(shown(1732464000.123) == "1732464000.123\n");
    CHECK(shown(-2.5) == "-2.5\n");
    CHECK(shown(1e300) == "1e+300\n");
    CHECK(shown(std::nan("")) == "NaN\n");
    CHECK(shown(std::numeric_limits<double>::infinity()) == "+Inf\n");
    CHECK(shown(-std::numeric_limits<double>::infinity()) == "-Inf\n");
}

TEST_CASE("OpenMetrics is given to who wants it in that version, at least as much as text") {
    const auto open = [](const char* accept) {
        return choose_metrics_format(accept) == MetricsFormat::open_metrics;
    };
    CHECK(open("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
               "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")); // Prometheus 2.42
    CHECK(open("application/openmetrics-text"));
    CHECK(open("text/plain , application/openmetrics-text ; version = 1.0.0 ; q = 1"));
    for (const char* accept :
         {"", "*/*", "text/plain", "application/json", "application/openmetrics-text;version=0.0.1",
          "application/openmetrics-text;q=0", "application/openmetrics-text;q=0.4,text/plain;q=0.5",
          "application/openmetrics-text;q=x", "application/openmetrics-text;q=nan", ",;=,;", "q=1"})
        CHECK_FALSE(open(accept));
}
