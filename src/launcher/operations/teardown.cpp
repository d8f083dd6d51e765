#include "launcher/operations/teardown.hpp"

#include "launcher/build/syscall_recorder.hpp"
#include "launcher/records/session_dir.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <fcntl.h>

namespace sandbox::launcher {
namespace {

using namespace std::chrono_literals;
namespace file = kernel::cgroup_file;

constexpr Duration kRecordTime = 2s; ///< for sandbox-init to drain the pipes, write the record, and exit
constexpr Duration kKillTime = 5s;   ///< for the kernel to end what was killed

} // namespace

Teardown::Teardown(Sandbox& sandbox, Duration grace)
    : sandbox_(sandbox),
      grace_(grace),
      payload_(sandbox.cgroup.open_child("payload")) {
    events_ = payload_.open_file(file::kEvents, O_RDONLY | O_CLOEXEC);
    if (!payload_.populated())
        last_rung_ = "already_ended";
    // A frozen process acts on no signal but SIGKILL.
    sandbox_.cgroup.freeze(false);
    kernel::send_signal(sandbox_.pidfd.get(), protocol::init::kEndSignal);
    deadline_ = BootClock::now();
    hurry(grace);
}

void Teardown::hurry(Duration grace) {
    grace_ = std::min(grace_, grace);
    if (next_ == Stage::terminate || next_ == Stage::kill_payload)
        deadline_ = last_rung_time_ + grace_;
    if (grace_ == Duration::zero() && next_ == Stage::terminate)
        next_ = Stage::kill_payload;
}

void Teardown::climb() {
    last_rung_time_ = BootClock::now();
    switch (next_) {
    case Stage::terminate:
        kernel::send_signal(sandbox_.pidfd.get(), protocol::init::kTerminateSignal);
        last_rung_ = "sigterm";
        next_ = Stage::kill_payload;
        deadline_ = last_rung_time_ + grace_;
        return;
    case Stage::kill_payload:
        payload_.kill();
        last_rung_ = "cgroup.kill";
        next_ = Stage::kill_all;
        deadline_ = last_rung_time_ + kKillTime;
        return;
    case Stage::kill_all:
        sandbox_.cgroup.kill();
        next_ = Stage::give_up;
        deadline_ = last_rung_time_ + kKillTime;
        return;
    case Stage::give_up:
        return;
    }
}

Teardown::Progress Teardown::advance() {
    if (!sandbox_.cgroup.populated())
        return Progress::empty;
    if (next_ < Stage::kill_all && !payload_.populated()) {
        // ChimeraX is gone, and sandbox-init knows that it is to go: it gets the time to write the record.
        next_ = Stage::kill_all;
        deadline_ = BootClock::now() + kRecordTime;
    }
    if (BootClock::now() < deadline_)
        return Progress::waiting;
    if (next_ == Stage::give_up)
        return Progress::stuck;
    climb();
    return Progress::waiting;
}

protocol::Ended read_last_figures(const LauncherContext& context, const std::string& session,
                                  const kernel::CgroupDir& cgroup) {
    protocol::Ended ended;
    ended.session = session;
    ended.record = read_exit_record(context, session);
    ended.system_calls = read_system_calls(context, session);
    const kernel::CgroupDir payload = cgroup.open_child("payload");
    if (payload.has_file(file::kMemoryEvents))
        ended.oom_kills = payload.read_keyed(file::kMemoryEvents)["oom_kill"];
    if (cgroup.has_file(file::kMemoryPeak))
        if (const auto peak = cgroup.read_u64(file::kMemoryPeak))
            ended.memory_peak = Bytes{*peak};
    if (cgroup.has_file(file::kCpuStat))
        ended.cpu_microseconds = cgroup.read_keyed(file::kCpuStat)["usage_usec"];
    return ended;
}

} // namespace sandbox::launcher
