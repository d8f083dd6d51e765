#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/base/watchdog.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sandbox;
using namespace std::chrono_literals;

namespace {

/// In the place of the service manager.
class ServiceManager {
  public:
    explicit ServiceManager(const char* microseconds) {
        std::string folder = (std::filesystem::temp_directory_path() / "watchdog-test-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr)
            throw_errno("mkdtemp");
        folder_ = folder;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder + "/notify";
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw_errno("bind");
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
        if (microseconds != nullptr)
            ::setenv("WATCHDOG_USEC", microseconds, 1);
    }
    ~ServiceManager() {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    /// Empty where none comes meanwhile.
    std::string next(Duration within = 0ms) const {
        pollfd entry{socket_.get(), POLLIN, 0};
        std::array<char, 64> text{};
        if (::poll(&entry, 1, static_cast<int>(within.count())) < 1)
            return {};
        return {text.data(), static_cast<std::size_t>(::recv(socket_.get(), text.data(), text.size(), 0))};
    }

  private:
    std::filesystem::path folder_;
    UniqueFd socket_;
};

} // namespace

TEST_CASE("where nobody watches, or another process is watched, nothing is sent and the loop waits freely") {
    const ServiceManager manager(nullptr);
    Watchdog watchdog;
    CHECK_FALSE(watchdog.left());
    watchdog.feed();
    ::setenv("WATCHDOG_USEC", "1000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
    Watchdog of_another;
    CHECK_FALSE(of_another.left());
    of_another.feed();
    CHECK(manager.next().empty());
}

TEST_CASE("a loop that runs tells the watchdog at once, and then each half of its time") {
    const ServiceManager manager("400000");
    Watchdog watchdog;
    const auto start = std::chrono::steady_clock::now();
    CHECK(watchdog.left() == 0ms);
    for (int round = 0; round < 4; ++round) {
        REQUIRE(watchdog.left().has_value());
        CHECK(*watchdog.left() <= 200ms);
        std::this_thread::sleep_for(*watchdog.left()); // the loop waits for other things
        watchdog.feed();
        CHECK(manager.next() == "WATCHDOG=1");
    }
    CHECK(std::chrono::steady_clock::now() - start >= 600ms);
}

TEST_CASE("a watchdog that was fed is not fed again before it is due") {
    const ServiceManager manager("600000000");
    Watchdog watchdog;
    watchdog.feed();
    CHECK(manager.next() == "WATCHDOG=1");
    watchdog.feed();
    CHECK(manager.next().empty());
}

TEST_CASE("while a loop is busy with one thing the watchdog hears nothing, and afterwards once") {
    const ServiceManager manager("100000");
    Watchdog watchdog;
    watchdog.feed();
    CHECK(manager.next() == "WATCHDOG=1");
    CHECK(manager.next(300ms).empty()); // six times as long as it ever waits
    CHECK(watchdog.left() == 0ms);
    watchdog.feed();
    CHECK(manager.next() == "WATCHDOG=1");
    CHECK(manager.next().empty());
}
