#include "manager/model/end_reason.hpp"
#include "sandbox/protocol/message.hpp"

#include <csignal>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

namespace {

protocol::Ended ended_with(std::optional<int> status, std::optional<int> signal, std::uint64_t oom_kills) {
    protocol::Ended ended;
    ended.record = protocol::ExitRecord{1, status, signal, 10};
    ended.oom_kills = oom_kills;
    ended.memory_peak = 3_GiB;
    ended.cpu_microseconds = 1'500'000;
    return ended;
}

} // namespace

TEST_CASE("what we intended is the reason, whatever the kernel and the record say") {
    const auto end =
        classify_end(EndRequest{EndReason::deleted, "It was deleted."}, ended_with({}, SIGKILL, 1), 4_GiB);
    CHECK(end.reason == EndReason::deleted);
    CHECK(end.message == "It was deleted.");
    CHECK(end.signal == SIGKILL);
    CHECK(end.oom_kills == 1);
}

TEST_CASE("an OOM kill is the reason before the exit record, which shows only a SIGKILL") {
    const auto end = classify_end({}, ended_with({}, SIGKILL, 2), 4_GiB);
    CHECK(end.reason == EndReason::oom);
    CHECK_THAT(end.message, Catch::Contains("4G"));
    CHECK(end.oom_kills == 2);
    CHECK(end.memory_peak == 3_GiB);
    CHECK(end.cpu_seconds == Approx(1.5));
}

TEST_CASE("without OOM kills the exit record is the reason") {
    const auto exited = classify_end({}, ended_with(70, {}, 0), {});
    CHECK(exited.reason == EndReason::exited);
    CHECK(exited.exit_status == 70);
    CHECK(classify_end({}, ended_with({}, SIGABRT, 0), {}, true).reason == EndReason::exited);
    CHECK(classify_end({}, ended_with({}, SIGSEGV, 0), {}, true).reason == EndReason::signalled);
    const auto signalled = classify_end({}, ended_with({}, SIGSEGV, 0), {});
    CHECK(signalled.reason == EndReason::signalled);
    CHECK(signalled.signal == SIGSEGV);
    CHECK_THAT(signalled.message, Catch::Contains("SIGSEGV"));
}

TEST_CASE("with nothing that tells, the session is orphaned") {
    CHECK(classify_end({}, {}, {}).reason == EndReason::orphaned);
    CHECK(classify_end({}, protocol::Ended{}, {}).reason == EndReason::orphaned);
}
