#include "ctl/format/json_text.hpp"
#include "ctl/views/top_text.hpp"
#include "top_rows.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

std::vector<std::string> order(const std::string& key) {
    auto rows = test::top_rows();
    sort_rows(rows, key);
    std::vector<std::string> ids;
    for (const TopRow& row : rows)
        ids.push_back(word(row.session, {"id"}).substr(0, 1));
    return ids;
}

TopRow sampled(const char* at, double cpu, std::uint64_t io) {
    TopRow row;
    row.session = {{"id", "abcdefghijklmnop"}};
    row.stats = {{"sampled_at", at},
                 {"cpu", {{"used_seconds", cpu}}},
                 {"io", {{"read_bytes", io}, {"written_bytes", 1000}}},
                 {"history",
                  {{"cpus", {0.25, 0.5, nullptr}},
                   {"io_read_bytes_per_second", {10, nullptr}},
                   {"io_written_bytes_per_second", {nullptr, 20}}}}};
    return row;
}

} // namespace

TEST_CASE("rows are sorted by each key, and those without a figure come last") {
    using Order = std::vector<std::string>;
    for (const char* key : {"cpu", "memory", "pids", "pressure", "io"})
        CHECK(order(key) == Order{"a", "b", "c"});
    CHECK(order("idle") == Order{"b", "a", "c"});
    CHECK(order("id") == Order{"a", "b", "c"});
}

TEST_CASE("a bar has as much in it as is used, and never more than it is long") {
    CHECK(bar(0.0, 4) == "░░░░");
    CHECK(bar(0.5, 4) == "██░░");
    CHECK(bar(7.0, 4) == "████");
    CHECK(bar(-1.0, 4) == "░░░░");
    CHECK(bar(std::nullopt, 4).empty());
    CHECK(bar(0.5, 0).empty());
}

TEST_CASE("rates are of the time between two samples, and of the history before there are two") {
    TopRates rates;
    TopRow row = sampled("2026-01-31T09:15:00.000Z", 10, 0);
    rates.fill(row);
    CHECK(row.cpus == 0.5);
    CHECK(row.io_bytes_per_second == 30);
    row = sampled("2026-01-31T09:15:00.500Z", 11, 2000);
    rates.fill(row);
    CHECK(row.cpus == Approx(2.0));
    CHECK(row.io_bytes_per_second == Approx(4000.0));
    // The same sample again is not a time that has passed.
    row = sampled("2026-01-31T09:15:00.500Z", 11, 2000);
    rates.fill(row);
    CHECK(row.cpus == 0.5);
    // A ChimeraX that was started anew counts from the beginning.
    row = sampled("2026-01-31T09:15:02.500Z", 1, 0);
    rates.fill(row);
    CHECK(row.cpus == 0.0);
    rates.keep({});
    row = sampled("2026-01-31T09:15:04.500Z", 9, 0);
    rates.fill(row);
    CHECK(row.cpus == 0.5);
}

TEST_CASE("a row without stats has no rates") {
    TopRates rates;
    TopRow row;
    row.session = {{"id", "abcdefghijklmnop"}};
    rates.fill(row);
    CHECK_FALSE(row.cpus);
    CHECK_FALSE(row.io_bytes_per_second);
}

TEST_CASE("a name that a tenant gave cannot steer the terminal") {
    auto rows = test::top_rows();
    rows[0].session["name"] = "\033[2Jevil";
    for (const std::size_t width : {0U, 160U}) {
        const std::string text = top_text(rows, "cpu", width, true, {});
        CHECK(text.find('\033') == std::string::npos);
        CHECK(text.find("?[2Jevil") != std::string::npos);
    }
}
