#include "policy/schema/semantic_checks.hpp"

#include "policy/schema/environment_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sandbox::policy {
namespace {

/// What the launcher makes itself: a bind there, above or below would cover it or lie on what a tenant
/// writes.
constexpr std::array<std::string_view, 8> kMadeByLauncher{"/proc", "/dev",  "/sys", "/tmp",
                                                          "/work", "/home", "/run", "/var/empty"};
/// On the host these are the kernel's or hold the keys to it.
constexpr std::array<std::string_view, 3> kNeverShown{"/proc", "/sys", "/dev"};
constexpr std::array<std::string_view, 4> kForbiddenDevices{"/dev/mem", "/dev/kmem", "/dev/port",
                                                            "/dev/kmsg"};

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return path == folder || (path.starts_with(folder) && (folder == "/" || path[folder.size()] == '/'));
}

std::optional<Complaint> check_target(const Bind& bind, const std::string& field) {
    for (const std::string_view made : kMadeByLauncher)
        if (is_at_or_below(bind.target, made) || is_at_or_below(made, bind.target))
            return Complaint{field,
                             "the target must not cover, or lie in, " + std::string(made) +
                                 ", which each session has of its own",
                             {}};
    if (bind.target == "/etc")
        return Complaint{field,
                         "the target must not be all of /etc, as each session has files of its own there; "
                         "bind single ones, as \"/etc/fonts\"",
                         {}};
    if (bind.target == "/etc/hosts")
        return Complaint{
            field, "the target must not be /etc/hosts: each session's own maps localhost to its address", {}};
    return std::nullopt;
}

std::optional<Complaint> check_bind(const Policy& policy, std::size_t index) {
    const std::vector<Bind>& binds = policy.filesystem.binds;
    const Bind& bind = binds[index];
    const std::string field = "filesystem.binds[" + std::to_string(index) + "]";
    if (auto complaint = check_target(bind, field))
        return complaint;
    for (const std::string_view never : kNeverShown)
        if (is_at_or_below(bind.source, never) || is_at_or_below(never, bind.source))
            return Complaint{field, "the source must not show the host's " + std::string(never), {}};
    for (std::size_t before = 0; before < index; ++before)
        if (binds[before].target == bind.target)
            return Complaint{field,
                             "the target " + bind.target + " is that of filesystem.binds[" +
                                 std::to_string(before) + "] already",
                             {}};
    return std::nullopt;
}

std::optional<Complaint> check_filesystem(const Policy& policy) {
    for (std::size_t i = 0; i < policy.filesystem.binds.size(); ++i)
        if (auto complaint = check_bind(policy, i))
            return complaint;
    for (std::size_t i = 0; i < policy.filesystem.devices.size(); ++i)
        for (const std::string_view device : kForbiddenDevices)
            if (policy.filesystem.devices[i] == device)
                return Complaint{"filesystem.devices[" + std::to_string(i) + "]",
                                 "must not expose the kernel's memory or log",
                                 {}};
    return std::nullopt;
}

/// `field`: as `resources.cpus`, whose ceiling is `override.cpus`.
template <typename Value>
std::optional<Complaint> check_ceiling(const std::string& field, const std::optional<Value>& own,
                                       const std::optional<Value>& ceiling, const std::string& own_text) {
    if (!ceiling || (own && *ceiling >= *own))
        return std::nullopt;
    const std::string its_ceiling = "override" + field.substr(field.find('.'));
    if (!own)
        return Complaint{its_ceiling,
                         "must be \"none\": " + field + " sets no limit, so there is nothing to ask for",
                         {field}};
    return Complaint{its_ceiling, "must be at least the policy's own " + field + ", " + own_text, {field}};
}

std::optional<Complaint> check_override(const Policy& policy) {
    const Resources& own = policy.resources;
    const std::optional<Duration>& lifetime = policy.lifecycle.max_lifetime;
    const Ceilings& ceilings = policy.override_ceilings;
    if (auto complaint = check_ceiling<Bytes>("resources.memory_max", own.memory_max, ceilings.memory_max,
                                              own.memory_max.text()))
        return complaint;
    if (auto complaint = check_ceiling<double>("resources.cpus", own.cpus, ceilings.cpus,
                                               own.cpus ? number_text(*own.cpus) : ""))
        return complaint;
    if (auto complaint = check_ceiling<std::uint64_t>("resources.pids_max", own.pids_max, ceilings.pids_max,
                                                      std::to_string(own.pids_max)))
        return complaint;
    if (auto complaint = check_ceiling<Duration>("lifecycle.max_lifetime", lifetime, ceilings.max_lifetime,
                                                 lifetime ? format_duration(*lifetime) : ""))
        return complaint;
    for (std::size_t i = 0; i < ceilings.environment.size(); ++i)
        if (is_reserved_environment(ceilings.environment[i]))
            return Complaint{"override.environment[" + std::to_string(i) + "]",
                             "must not take in a variable that steers the dynamic linker, libc, Python or "
                             "the session's own folders, as LD_PRELOAD or HOME",
                             {}};
    return std::nullopt;
}

} // namespace

bool is_normal_path(std::string_view path) {
    if (!path.starts_with('/') || path.size() > 4095 ||
        std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return false;
    for (std::size_t at = 1; at < path.size() + 1 && path.size() > 1;) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return false;
        at = end + 1;
    }
    return true;
}

std::string number_text(double number) {
    std::array<char, 32> text{};
    const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), number);
    return {text.data(), ec == std::errc{} ? end : text.data()};
}

std::optional<Complaint> find_memory_complaint(const Policy& policy) {
    const Resources& resources = policy.resources;
    const Filesystem& fs = policy.filesystem;
    if (resources.memory_high && *resources.memory_high > resources.memory_max)
        return Complaint{"resources.memory_high",
                         "must be at most resources.memory_max, " + resources.memory_max.text(),
                         {"resources.memory_max"}};
    // Each is at most 16T, so that the sum cannot overflow.
    const Bytes sum{fs.tmp.size.value + fs.home.size.value + fs.work.size.value + fs.shm.size.value};
    if (sum >= resources.memory_max)
        return Complaint{
            "resources.memory_max",
            "must be more than " + sum.text() +
                ", the sizes of tmp, home, work and shm together: they count as memory, and a full "
                "one must be an error of writing, not the end of ChimeraX",
            {"filesystem.work.size", "filesystem.tmp.size", "filesystem.home.size", "filesystem.shm.size"}};
    return std::nullopt;
}

std::optional<Complaint> find_complaint(const Policy& policy) {
    if (auto complaint = find_memory_complaint(policy))
        return complaint;
    if (auto complaint = check_filesystem(policy))
        return complaint;
    return check_override(policy);
}

} // namespace sandbox::policy
