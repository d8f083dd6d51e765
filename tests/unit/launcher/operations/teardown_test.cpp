#include "launcher/operations/teardown.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::launcher;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A process in the place of sandbox-init that tells which signals it gets, by their numbers, until it is
/// killed.
class Init {
  public:
    Init() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw_errno("pipe2");
        sigset_t all;
        ::sigfillset(&all);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::sigprocmask(SIG_SETMASK, &all, nullptr);
            for (;;) {
                const auto number = static_cast<unsigned char>(::sigwaitinfo(&all, nullptr));
                if (::write(ends[1], &number, 1) != 1)
                    ::_exit(1);
            }
        }
        ::close(ends[1]);
        heard_ = UniqueFd(ends[0]);
    }
    ~Init() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Init(const Init&) = delete;
    Init& operator=(const Init&) = delete;

    UniqueFd pidfd() const { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))); }
    int next_signal() const {
        unsigned char number = 0;
        return ::read(heard_.get(), &number, 1) == 1 ? number : 0;
    }

  private:
    pid_t pid_ = -1;
    UniqueFd heard_;
};

/// A sandbox whose groups are plain folders.
struct Fake {
    std::string path;
    Init init;
    Sandbox sandbox;

    Fake() {
        std::string pattern = fs::temp_directory_path() / "teardown_test.XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw_errno("mkdtemp");
        path = pattern;
        fs::create_directory(path + "/payload");
        for (const char* folder : {"", "/payload"}) {
            write(std::string(folder) + "/cgroup.events", "populated 1\nfrozen 0\n");
            write(std::string(folder) + "/cgroup.kill", "");
            write(std::string(folder) + "/cgroup.freeze", "1");
        }
        sandbox.pidfd = init.pidfd();
        sandbox.cgroup =
            kernel::CgroupDir(UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), path);
    }
    ~Fake() { fs::remove_all(path); }
    Fake(const Fake&) = delete;
    Fake& operator=(const Fake&) = delete;

    void write(const std::string& file, const std::string& text) const {
        write_file_atomically(path + file, text, 0644);
    }
    std::string text(const std::string& file) const { return read_file(path + file); }
    void payload_ends() const { write("/payload/cgroup.events", "populated 0\nfrozen 0\n"); }
    void all_ends() const {
        payload_ends();
        write("/cgroup.events", "populated 0\nfrozen 0\n");
    }
};

/// As the loop does: once the deadline has come.
Teardown::Progress advance_in_time(Teardown& teardown) {
    const auto left = teardown.deadline() - BootClock::now();
    if (left > left.zero())
        std::this_thread::sleep_for(left);
    return teardown.advance();
}

} // namespace

TEST_CASE("an end asks first, then tells, then kills, a grace after each other") {
    Fake fake;
    Teardown teardown(fake.sandbox, 20ms);
    CHECK(teardown.last_rung() == "stdin");
    CHECK(fake.init.next_signal() == protocol::init::kEndSignal);
    CHECK(fake.text("/cgroup.freeze") == "0");
    CHECK(teardown.advance() == Teardown::Progress::waiting);
    CHECK(teardown.last_rung() == "stdin");

    CHECK(advance_in_time(teardown) == Teardown::Progress::waiting);
    CHECK(teardown.last_rung() == "sigterm");
    CHECK(fake.init.next_signal() == protocol::init::kTerminateSignal);
    CHECK(fake.text("/payload/cgroup.kill").empty());

    CHECK(advance_in_time(teardown) == Teardown::Progress::waiting);
    CHECK(teardown.last_rung() == "cgroup.kill");
    CHECK(fake.text("/payload/cgroup.kill") == "1");
    CHECK(fake.text("/cgroup.kill").empty());

    fake.all_ends();
    CHECK(teardown.advance() == Teardown::Progress::empty);
    CHECK(teardown.last_rung() == "cgroup.kill");
}

TEST_CASE("without a grace ChimeraX is killed at once") {
    Fake fake;
    Teardown teardown(fake.sandbox, 0ms);
    CHECK(teardown.advance() == Teardown::Progress::waiting);
    CHECK(teardown.last_rung() == "cgroup.kill");
    CHECK(fake.text("/payload/cgroup.kill") == "1");
}

TEST_CASE("a ChimeraX that ends when it is asked is not told to") {
    Fake fake;
    Teardown teardown(fake.sandbox, 1h);
    fake.payload_ends();
    CHECK(teardown.advance() == Teardown::Progress::waiting);
    CHECK(teardown.deadline() < BootClock::now() + 10s); // sandbox-init's time for the record
    fake.all_ends();
    CHECK(teardown.advance() == Teardown::Progress::empty);
    CHECK(teardown.last_rung() == "stdin");
}

TEST_CASE("a ChimeraX that had ended before is told so") {
    Fake fake;
    fake.payload_ends();
    Teardown teardown(fake.sandbox, 1h);
    CHECK(teardown.last_rung() == "already_ended");
    fake.all_ends();
    CHECK(teardown.advance() == Teardown::Progress::empty);
    CHECK(teardown.last_rung() == "already_ended");
}

TEST_CASE("who is more impatient shortens the way, and nobody lengthens it") {
    Fake fake;
    Teardown teardown(fake.sandbox, 1h);
    teardown.hurry(2h);
    CHECK(teardown.deadline() <= BootClock::now() + 1h);
    teardown.hurry(0ms);
    CHECK(teardown.advance() == Teardown::Progress::waiting);
    CHECK(teardown.last_rung() == "cgroup.kill");
}
