#include "base/service_job.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

using namespace sandbox;

namespace {

constexpr const char* kUnit = "/org/freedesktop/systemd1/unit/a_2eservice";
constexpr const char* kJob = "/org/freedesktop/systemd1/job/7";

using Bus = std::unique_ptr<sd_bus, decltype(&::sd_bus_flush_close_unref)>;

void check(int result) {
    if (result < 0)
        throw errno_error(-result, "the test's bus");
}

Bus open_bus(int fd, bool is_server) {
    sd_bus* bus = nullptr;
    check(::sd_bus_new(&bus));
    Bus opened(bus, &::sd_bus_flush_close_unref);
    check(::sd_bus_set_fd(bus, fd, fd));
    if (is_server) {
        sd_id128_t id{};
        check(::sd_id128_randomize(&id));
        check(::sd_bus_set_server(bus, 1, id));
    }
    check(::sd_bus_start(bus));
    return opened;
}

/// In the place of systemd, at the other end of a connection, with one unit and its job.
class FakeSystemd {
  public:
    /// No type: the unit has no job.
    explicit FakeSystemd(std::string job_type) : job_type_(std::move(job_type)) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
            throw_errno("socketpair");
        thread_ = std::thread([this, end = ends[1]] { serve(open_bus(end, true)); });
        client_ = open_bus(ends[0], false);
    }
    FakeSystemd(const FakeSystemd&) = delete;
    FakeSystemd& operator=(const FakeSystemd&) = delete;
    ~FakeSystemd() {
        client_.reset();
        thread_.join();
    }

    sd_bus& bus() { return *client_; }

  private:
    void serve(const Bus& bus) const {
        for (;;) {
            sd_bus_message* message = nullptr;
            const int result = ::sd_bus_process(bus.get(), &message);
            if (result < 0)
                return; // the other end is closed
            if (message != nullptr)
                answer(message);
            ::sd_bus_message_unref(message);
            if (result == 0)
                ::sd_bus_wait(bus.get(), UINT64_MAX);
        }
    }

    void answer(sd_bus_message* message) const {
        if (::sd_bus_message_is_method_call(message, "org.freedesktop.systemd1.Manager", "GetUnitByPID") >
            0) {
            std::uint32_t pid = 0;
            ::sd_bus_message_read(message, "u", &pid);
            if (std::cmp_equal(pid, ::getpid()))
                ::sd_bus_reply_method_return(message, "o", kUnit);
        } else if (::sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get") > 0) {
            const char *interface = "", *name = "";
            ::sd_bus_message_read(message, "ss", &interface, &name);
            const std::string_view path = ::sd_bus_message_get_path(message), property = name;
            if (path == kUnit && property == "Job")
                ::sd_bus_reply_method_return(message, "v", "(uo)", job_type_.empty() ? 0U : 7U,
                                             job_type_.empty() ? "/" : kJob);
            else if (path == kJob && property == "JobType" && job_type_ != "gone")
                ::sd_bus_reply_method_return(message, "v", "s", job_type_.c_str());
            else
                ::sd_bus_reply_method_errnof(message, ENOENT, "it has ended");
        }
    }

    std::string job_type_;
    Bus client_{nullptr, &::sd_bus_flush_close_unref};
    std::thread thread_;
};

} // namespace

TEST_CASE("a restart alone is one: no stop, and no signal that somebody sent") {
    CHECK(restart_job(FakeSystemd("restart").bus()) == 1);
    CHECK(restart_job(FakeSystemd("stop").bus()) == 0);
    CHECK(restart_job(FakeSystemd("").bus()) == 0);
}

TEST_CASE("where systemd does not tell what its job is, that is an error") {
    CHECK(restart_job(FakeSystemd("gone").bus()) == -ENOENT);
}
