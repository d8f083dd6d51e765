#include "launcher/operations/engine_restart.hpp"

#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <fcntl.h>

namespace sandbox::launcher {
namespace {

using namespace std::chrono_literals;

constexpr Duration kKillTime = 5s;  ///< for the kernel to end what was killed
constexpr Duration kStartTime = 5s; ///< for sandbox-init to start it

} // namespace

EngineRestart::EngineRestart(Sandbox& sandbox)
    : sandbox_(sandbox),
      payload_(sandbox.cgroup.open_child("payload")),
      events_(payload_.open_file(kernel::cgroup_file::kEvents, O_RDONLY | O_CLOEXEC)),
      deadline_(BootClock::now() + kKillTime) {
    sandbox_.cgroup.freeze(false); // else sandbox-init would not hear of it
    payload_.kill();
}

EngineRestart::Progress EngineRestart::advance() {
    const bool populated = payload_.populated();
    if (!told_ && !populated) {
        kernel::send_signal(sandbox_.pidfd.get(), protocol::init::kRestartSignal);
        told_ = true;
        deadline_ = BootClock::now() + kStartTime;
        return Progress::waiting;
    }
    if (told_ && populated)
        return Progress::done;
    if (BootClock::now() < deadline_)
        return Progress::waiting;
    return told_ ? Progress::done : Progress::stuck;
}

} // namespace sandbox::launcher
