#include "fake_sandbox.hpp"

#include "sandbox/base/error.hpp"

#include <csignal>
#include <fstream>
#include <utility>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace sandbox::test {
namespace {

pid_t start_child() {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw_errno("fork");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close_range(0, ~0U, 0); // no socket of the test may stay open in it
        while (::getppid() == parent)
            ::pause();
        ::_exit(0);
    }
    return pid;
}

} // namespace

FakeSandbox::FakeSandbox(asio::io_context& io, fs::path where, const protocol::Launch& launch)
    : folder(std::move(where)),
      engine(io),
      child(start_child()),
      pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0))) {
    fs::create_directories(folder / "payload");
    log_folder = folder.parent_path() / "logs" / launch.session;
    fs::create_directories(log_folder);
    fs::create_directory_symlink(log_folder, folder / "log");
    write("payload/cgroup.events", "populated 1\nfrozen 0\n");
    launched.session = ended.session = launch.session;
    launched.slot = launch.slot;
    launched.tenant = launch.tenant;
    launched.policy = launch.policy;
    launched.digest = launch.digest;
    launched.init_pid = child;
    launched.engine_pid = child;
    launched.uid = 1879048192 + launch.slot;
    launched.address = "127.0.0.1";
    launched.port = engine.port();
    launched.cgroup = "base/" + launch.session;
    launched.log_dir = log_folder.string();
    launched.executable = "/usr/lib/ucsf-chimerax/bin/ChimeraX";
    launched.token_hash = launch.token_hash;
    launched.memory_max = launch.memory_max.value_or(1_GiB);
    launched.pids_max = 256;
    launched.timeline = {{"mounts", 100}, {"exec", 200}};
    ended.last_step = "stdin";
    ended.record = protocol::ExitRecord{.run = 1, .exit_status = 0, .signal = {}, .runtime_milliseconds = 1};
}

FakeSandbox::~FakeSandbox() {
    init_dies();
    std::error_code ignored;
    fs::remove_all(folder, ignored);
}

void FakeSandbox::engine_ends(protocol::ExitRecord record) {
    ended.record = record;
    ended.last_step = "already_ended";
    engine.die();
    write("payload/cgroup.events", "populated 0\nfrozen 0\n");
}

void FakeSandbox::engine_starts() {
    engine.live_again();
    ended.record.reset();
    write("payload/cgroup.events", "populated 1\nfrozen 0\n");
}

void FakeSandbox::init_dies() {
    engine.die();
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    child = -1;
}

void FakeSandbox::write(const std::string& file, const std::string& text) const {
    std::ofstream(folder / file) << text;
}

} // namespace sandbox::test
