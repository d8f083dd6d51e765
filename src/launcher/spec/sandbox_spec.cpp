#include "launcher/spec/sandbox_spec.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/rest_client.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "start_scripts.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

namespace file = kernel::cgroup_file;

constexpr std::uint32_t kFirstAddress = (198U << 24) | (18U << 16); // 198.18.0.0

// What of /proc tells about, or steers, the whole machine. The rest ChimeraX needs: subset=pid would take
// /proc/stat away.
constexpr std::array kMaskedProcPaths{"/proc/acpi",          "/proc/asound",        "/proc/bus",
                                      "/proc/config.gz",     "/proc/driver",        "/proc/fs",
                                      "/proc/interrupts",    "/proc/iomem",         "/proc/ioports",
                                      "/proc/irq",           "/proc/kallsyms",      "/proc/kcore",
                                      "/proc/keys",          "/proc/key-users",     "/proc/kmsg",
                                      "/proc/kpagecgroup",   "/proc/kpagecount",    "/proc/kpageflags",
                                      "/proc/latency_stats", "/proc/modules",       "/proc/sched_debug",
                                      "/proc/schedstat",     "/proc/scsi",          "/proc/slabinfo",
                                      "/proc/softirqs",      "/proc/sysrq-trigger", "/proc/timer_list",
                                      "/proc/timer_stats",   "/proc/tty",           "/proc/vmallocinfo",
                                      "/proc/zoneinfo",      "/proc/dynamic_debug", "/proc/swaps",
                                      "/proc/diskstats",     "/proc/partitions",    "/proc/mtrr",
                                      "/proc/pressure"};

constexpr std::array kEmptyDirectories{"/dev", "/proc", "/etc", "/tmp",       "/home", kHome,
                                       kWork,  "/run",  "/var", "/var/empty", kStart};

/// The files of kStart, which ChimeraX runs by name.
struct StartScript {
    const char* name;
    std::string_view content;
};
constexpr std::array kStartScripts{StartScript{"output_by_line.py", embedded::kOutputByLine}};

std::string address_of(std::uint32_t number) {
    return std::to_string(number >> 24) + "." + std::to_string((number >> 16) & 255) + "." +
           std::to_string((number >> 8) & 255) + "." + std::to_string(number & 255);
}

bool is_below(const std::string& path, const std::string& folder) {
    return path == folder || path.starts_with(folder + "/");
}

void plan_identity(SandboxSpec& spec, const SandboxSpecInput& in) {
    if (in.slot >= in.site.slots)
        throw Error(Errc::invalid_argument,
                    "slot " + std::to_string(in.slot) + " is not below " + std::to_string(in.site.slots),
                    "raise slots in sandboxd.toml", "slot");
    spec.session = in.session;
    spec.slot = in.slot;
    spec.tenant = in.tenant.name;
    spec.policy = in.policy.name;
    spec.digest = in.policy.digest;
    spec.uid = in.site.uid_base + in.slot;
    spec.link = link_name(in.slot);
    spec.near_address = near_address(in.slot);
    spec.address = session_address(in.slot);
    spec.port = chimerax::kRestPort;
    spec.publish = in.policy.publish == policy::Publish::loopback;
    spec.executable = in.installation.executable;
    spec.stand_in = in.installation.stand_in;
    spec.log_size = in.policy.logs.size;
}

void plan_cgroup(SandboxSpec& spec, const policy::Resources& resources) {
    spec.strict = resources.enforcement == policy::Enforcement::strict;
    spec.memory_max = resources.memory_max;
    spec.cpus = resources.cpus;
    spec.pids_max = resources.pids_max;
    const auto add = [&](Group group, const char* name, std::string value, const char* controller) {
        spec.cgroup.push_back({group, name, std::move(value), controller});
    };
    add(Group::session, file::kMaxDescendants, std::to_string(2 + resources.descendants_max), "");
    add(Group::session, file::kMemoryMax, std::to_string(resources.memory_max.value), "memory");
    if (resources.memory_high)
        add(Group::session, file::kMemoryHigh, std::to_string(resources.memory_high->value), "memory");
    add(Group::session, file::kMemorySwapMax, std::to_string(resources.memory_swap_max.value), "memory");
    add(Group::session, file::kCpuWeight, std::to_string(resources.cpu_weight), "cpu");
    if (resources.cpus)
        add(Group::session, file::kCpuMax, kernel::cpu_max_text(resources.cpus), "cpu");
    // The limits that a hostile ChimeraX runs into are payload's: sandbox-init must still be able to fork,
    // and must outlive an OOM kill.
    add(Group::payload, file::kPidsMax, std::to_string(resources.pids_max), "pids");
    add(Group::payload, file::kMemoryOomGroup, "1", "memory");
}

void plan_bind(SandboxSpec& spec, const policy::Bind& bind, const HostLookup& lookup) {
    const HostEntry entry = lookup(bind.source);
    switch (entry.kind) {
    case HostEntry::Kind::missing:
        if (!bind.optional)
            throw Error(Errc::not_found,
                        "policy " + spec.policy + " shows " + bind.source + ", which this host does not have",
                        "install what provides it, or mark the bind `optional = true`", "filesystem.binds");
        return;
    case HostEntry::Kind::link:
        // /bin -> usr/bin: the same link inside leads to the same place inside.
        if (bind.source == bind.target && !entry.link_text.starts_with("/") &&
            std::count(bind.source.begin(), bind.source.end(), '/') == 1) {
            spec.symlinks.push_back({bind.target, entry.link_text});
            return;
        }
        if (!entry.real_path.empty())
            spec.binds.push_back({entry.real_path, bind.target, entry.real_path_is_directory, false});
        else if (!bind.optional)
            throw Error(Errc::not_found,
                        "policy " + spec.policy + " shows the link " + bind.source + ", which leads nowhere",
                        "mend the link, or mark the bind `optional = true`", "filesystem.binds");
        return;
    default:
        spec.binds.push_back({bind.source, bind.target, entry.kind == HostEntry::Kind::directory, false});
    }
}

/// ChimeraX finds its root from its own path, wherever that is: a tree that one of the private file systems
/// would cover is shown elsewhere.
void plan_installation(SandboxSpec& spec, const chimerax::Installation& installation,
                       const HostLookup& lookup) {
    const std::string& root = installation.root;
    const bool covered =
        std::ranges::any_of(kEmptyDirectories, [&](const char* made) { return is_below(root, made); });
    const std::string target = covered ? "/opt/chimerax" : root;
    spec.inside_executable = target + installation.executable.substr(root.size());
    if (std::ranges::none_of(spec.binds, [&](const BindMount& bind) {
            return bind.source == bind.target && is_below(target, bind.target);
        }))
        plan_bind(spec, {root, target, false}, lookup);
}

void plan_filesystem(SandboxSpec& spec, const SandboxSpecInput& in, const HostLookup& lookup) {
    const policy::Filesystem& fs = in.policy.filesystem;
    spec.directories.assign(kEmptyDirectories.begin(), kEmptyDirectories.end());
    for (const policy::Bind& bind : fs.binds)
        plan_bind(spec, bind, lookup);
    plan_installation(spec, in.installation, lookup);
    plan_bind(spec, {"/sys/devices/system/cpu", "/sys/devices/system/cpu", true}, lookup);
    for (const std::string& device : fs.devices) {
        if (lookup(device).kind != HostEntry::Kind::device)
            throw Error(Errc::not_found,
                        "policy " + spec.policy + " names the device " + device +
                            ", which is none on this host",
                        "take it out of filesystem.devices", "filesystem.devices");
        spec.binds.push_back({device, device, false, true});
    }
    std::ranges::stable_sort(spec.binds, {}, [](const BindMount& bind) {
        return std::count(bind.target.begin(), bind.target.end(), '/');
    });
    spec.tmpfs = {{"/tmp", fs.tmp.size, fs.tmp.inodes},
                  {kHome, fs.home.size, fs.home.inodes},
                  {kWork, fs.work.size, fs.work.inodes},
                  {"/dev/shm", fs.shm.size, fs.shm.inodes}};
    spec.private_directories = {kRuntime};
    spec.masked_paths.assign(kMaskedProcPaths.begin(), kMaskedProcPaths.end());
    spec.read_only_paths = {"/proc/sys"};
}

void plan_files(SandboxSpec& spec) {
    const std::string id = std::to_string(kInsideUid);
    // ChimeraX binds the *name* localhost: with this it listens on the session's own address, which the
    // manager reaches.
    spec.files = {
        {"/etc/hosts", spec.address + " localhost " + kHostName + "\n"},
        {"/etc/hostname", std::string(kHostName) + "\n"},
        {"/etc/host.conf", "multi on\n"},
        {"/etc/resolv.conf", ""},
        {"/etc/nsswitch.conf",
         "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nservices: files\n"},
        {"/etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nchimerax:x:" + id + ":" + id +
                            "::" + kHome + ":/bin/sh\n"},
        {"/etc/group", "root:x:0:\nchimerax:x:" + id + ":\n"},
    };
    for (const StartScript& script : kStartScripts)
        spec.files.push_back({std::string(kStart) + "/" + script.name, std::string(script.content)});
    // A file that the policy binds stands instead of the one made here.
    std::erase_if(spec.files, [&](const GeneratedFile& made) {
        return std::ranges::any_of(spec.binds,
                                   [&](const BindMount& bind) { return bind.target == made.path; });
    });
}

void plan_process(SandboxSpec& spec, const SandboxSpecInput& in) {
    const policy::Policy& policy = in.policy;
    std::map<std::string, std::string> environment{
        {"CHIMERAX_START", kStart}, {"HOME", kHome},    {"LANG", "C.UTF-8"},  {"LOGNAME", "chimerax"},
        {"PATH", "/usr/bin:/bin"},  {"TMPDIR", "/tmp"}, {"USER", "chimerax"}, {"XDG_RUNTIME_DIR", kRuntime},
    };
    if (policy.resources.cpus) {
        // os.cpu_count() does not see cpu.max: a pool of 64 threads on half a CPU is slower than one.
        const auto threads =
            std::to_string(static_cast<unsigned>(std::max(1.0, std::ceil(*policy.resources.cpus))));
        environment["OMP_NUM_THREADS"] = threads;
        environment["LP_NUM_THREADS"] = threads;
    }
    for (const auto* more : {&policy.chimerax.environment, &in.environment})
        for (const auto& [name, value] : *more)
            environment[name] = value;
    for (const auto& [name, value] : environment)
        spec.environment.push_back(name + "=" + value);
    spec.argv = chimerax::command_line(spec.inside_executable, spec.port, policy.chimerax.arguments);
    spec.cwd = kWork;
    spec.limits = {{RLIMIT_NOFILE, policy.resources.nofile},
                   {RLIMIT_CORE, policy.resources.core_size.value},
                   {RLIMIT_FSIZE, policy.resources.file_size.value},
                   {RLIMIT_MEMLOCK, 65536},
                   {RLIMIT_MSGQUEUE, 819200},
                   {RLIMIT_NICE, 0},
                   {RLIMIT_RTPRIO, 0}};
    spec.seccomp_name = policy.seccomp_profile;
    spec.seccomp = in.seccomp;
    spec.learns = in.learns;
}

HostEntry look_up_link(const std::string& path) {
    HostEntry entry{.kind = HostEntry::Kind::link};
    std::array<char, PATH_MAX> text{};
    if (const ssize_t length = ::readlink(path.c_str(), text.data(), text.size()); length > 0)
        entry.link_text.assign(text.data(), static_cast<std::size_t>(length));
    struct stat status {};
    if (::realpath(path.c_str(), text.data()) != nullptr && ::stat(text.data(), &status) == 0) {
        entry.real_path = text.data();
        entry.real_path_is_directory = S_ISDIR(status.st_mode);
    }
    return entry;
}

} // namespace

HostEntry look_up_host(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        return {};
    switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
        return {.kind = HostEntry::Kind::directory};
    case S_IFCHR:
    case S_IFBLK:
        return {.kind = HostEntry::Kind::device};
    case S_IFLNK:
        return look_up_link(path);
    default:
        return {.kind = HostEntry::Kind::file};
    }
}

SandboxSpec make_sandbox_spec(const SandboxSpecInput& input, const HostLookup& lookup) {
    SandboxSpec spec;
    plan_identity(spec, input);
    plan_cgroup(spec, input.policy.resources);
    plan_filesystem(spec, input, lookup);
    plan_files(spec);
    plan_process(spec, input);
    return spec;
}

std::string near_address(std::uint32_t slot) {
    return address_of(kFirstAddress + 2 * slot);
}

std::string session_address(std::uint32_t slot) {
    return address_of(kFirstAddress + 2 * slot + 1);
}

std::string link_name(std::uint32_t slot) {
    return "cx" + std::to_string(slot);
}

} // namespace sandbox::launcher
