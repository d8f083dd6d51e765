#include "manager/metering/usage_ledger.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const BootClock::time_point kStart(1'000s);

Sample sample(std::chrono::microseconds cpu, std::optional<Bytes> memory = {}) {
    Sample now;
    now.cpu = cpu;
    now.memory = memory;
    return now;
}

DayUsage booked(const UnbookedUsage& use) {
    DayUsage account;
    use.add_to(account);
    return account;
}

DayUsage of_day(const std::string& tenant, const std::string& day, std::uint64_t sessions) {
    DayUsage account;
    account.tenant = tenant;
    account.day = day;
    account.sessions = sessions;
    return account;
}

} // namespace

TEST_CASE("memory counts for the time that it was held, and CPU time once") {
    UnbookedUsage use;
    use.note(sample(2s, Bytes{1000}), kStart);
    CHECK(booked(use).memory_byte_seconds == std::nullopt);
    use.note(sample(3s, Bytes{1000}), kStart + 1s);
    use.note(sample(5s, Bytes{3000}), kStart + 3s);
    DayUsage account = booked(use);
    CHECK(account.cpu == 5s);
    CHECK(account.session_seconds == 3.0);
    CHECK(account.memory_byte_seconds == 7000.0);

    use.close();
    CHECK(use.booked_cpu() == 5s);
    use.note(sample(6s, Bytes{1000}), kStart + 4s);
    use.add_to(account);
    CHECK(account.cpu == 6s);
    CHECK(account.memory_byte_seconds == 8000.0);
}

TEST_CASE("a time in which nobody looked counts for nothing, but its CPU time does") {
    UnbookedUsage use;
    use.note(sample(1s, Bytes{1000}), kStart);
    use.note(sample(9s, Bytes{1000}), kStart + 1h);
    CHECK(booked(use).cpu == 9s);
    CHECK(booked(use).session_seconds == 0.0);
    use.note(sample(9s, Bytes{1000}), kStart + 1h + 1s);
    CHECK(booked(use).memory_byte_seconds == 1000.0);
}

TEST_CASE("what an earlier manager has booked is not booked again") {
    UnbookedUsage use;
    use.restore(4s);
    CHECK(booked(use).cpu == 0s);
    use.note(sample(3s), kStart); // read from what lags behind
    CHECK(booked(use).cpu == 0s);
    use.note_cpu(7s);
    CHECK(booked(use).cpu == 3s);
}

TEST_CASE("a host that does not count memory has none, which is not 0") {
    UnbookedUsage use;
    use.note(sample(1s), kStart);
    use.note(sample(2s), kStart + 1s);
    CHECK(booked(use).memory_byte_seconds == std::nullopt);
    CHECK(booked(use).session_seconds == 1.0);
}

TEST_CASE("a tenant's days come in order, from the first asked for to the last, and no other tenant's") {
    UsageLedger accounts;
    accounts.add(of_day("acme", "2026-01-31", 1));
    accounts.add(of_day("acme", "2026-02-01", 2));
    accounts.add(of_day("acme", "2026-02-02", 3));
    accounts.add(of_day("acme2", "2026-02-01", 9));
    accounts.at("acme", "2026-02-01").sessions += 10;
    std::vector<std::uint64_t> sessions;
    for (const DayUsage& day : accounts.of("acme", "2026-02-01", "2026-02-28"))
        sessions.push_back(day.sessions);
    CHECK(sessions == std::vector<std::uint64_t>{12, 3});
    CHECK(accounts.of("acme", "2026-02-02", "2026-02-01").empty());

    CHECK(accounts.forget_before("2026-02-01"));
    CHECK_FALSE(accounts.forget_before("2026-02-01"));
    CHECK(accounts.of("acme", "2000-01-01", "2099-12-31").size() == 2);
}

TEST_CASE("a day is one of UTC") {
    CHECK(day_of(std::chrono::system_clock::time_point(1'769'903'999s)) == "2026-01-31");
    CHECK(day_of(std::chrono::system_clock::time_point(1'769'904'000s)) == "2026-02-01");
}
