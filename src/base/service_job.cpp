#include "base/service_job.hpp"

#include "sandbox/base/log.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace sandbox {
namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr std::chrono::microseconds kTimeout = std::chrono::seconds(3);

using Bus = std::unique_ptr<sd_bus, decltype(&::sd_bus_flush_close_unref)>;
using Message = std::unique_ptr<sd_bus_message, decltype(&::sd_bus_message_unref)>;
using Text = std::unique_ptr<char, decltype(&std::free)>;

/// A connection, or a negative errno.
int open_bus(Bus& bus) {
    sd_bus* opened = nullptr;
    const int result = ::sd_bus_open_system(&opened);
    bus.reset(opened);
    if (result >= 0)
        ::sd_bus_set_method_call_timeout(opened, static_cast<std::uint64_t>(kTimeout.count()));
    return result;
}

} // namespace

int restart_job(sd_bus& bus) {
    // Asked of systemd, as sd_pid_get_unit(3) reads /proc/1, which ProtectProc=invisible hides.
    sd_bus_message* answer = nullptr;
    int result =
        ::sd_bus_call_method(&bus, kSystemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                             "GetUnitByPID", nullptr, &answer, "u", static_cast<std::uint32_t>(::getpid()));
    const Message unit(answer, &::sd_bus_message_unref);
    const char* path = nullptr;
    if (result < 0 || (result = ::sd_bus_message_read(unit.get(), "o", &path)) < 0)
        return result;
    answer = nullptr;
    result = ::sd_bus_get_property(&bus, kSystemd, path, "org.freedesktop.systemd1.Unit", "Job", nullptr,
                                   &answer, "(uo)");
    const Message message(answer, &::sd_bus_message_unref);
    std::uint32_t id = 0;
    const char* job = nullptr;
    if (result < 0 || (result = ::sd_bus_message_read(message.get(), "(uo)", &id, &job)) < 0)
        return result;
    if (id == 0)
        return 0; // somebody sent the signal
    char* type = nullptr;
    result = ::sd_bus_get_property_string(&bus, kSystemd, job, "org.freedesktop.systemd1.Job", "JobType",
                                          nullptr, &type);
    const Text word(type, &std::free);
    return result < 0 ? result : static_cast<int>(std::strcmp(word.get(), "restart") == 0);
}

bool is_being_restarted() {
    if (::sd_booted() <= 0)
        return false;
    Bus bus(nullptr, &::sd_bus_flush_close_unref);
    int result = open_bus(bus);
    if (result >= 0)
        result = restart_job(*bus);
    if (result < 0)
        log::warning(std::string("systemd does not tell whether this is a restart (") +
                     std::strerror(-result) + "): it is taken for a stop");
    return result > 0;
}

} // namespace sandbox
