#pragma once

#include "sandbox/base/error.hpp"

#include <cstring>
#include <memory>
#include <string>

#include <systemd/sd-bus.h>

namespace sandbox::launcher {

/// systemd on its bus (org.freedesktop.systemd1(5)).
inline constexpr const char* kService = "org.freedesktop.systemd1";
inline constexpr const char* kPath = "/org/freedesktop/systemd1";
inline constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
inline constexpr const char* kBusCure = "look at `systemctl status dbus` and `journalctl -u dbus`, or set "
                                        "cgroup_driver = \"cgroupfs\" in sandboxd.toml";

struct Unref {
    void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

/// Throws Error unavailable for a negative errno that sd-bus returned.
inline void check(int result, const std::string& what) {
    if (result < 0)
        throw Error(Errc::unavailable, what + ": " + std::strerror(-result), kBusCure);
}

/// Returns a call of systemd's manager without arguments.
inline Message new_call(sd_bus* bus, const char* method) {
    sd_bus_message* message = nullptr;
    check(::sd_bus_message_new_method_call(bus, &message, kService, kPath, kManager, method),
          "a message to systemd");
    return Message(message);
}

} // namespace sandbox::launcher
