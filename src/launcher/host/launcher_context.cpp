#include "launcher/host/launcher_context.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/chimerax/rest_client.hpp"
#include "sandbox/kernel/namespace.hpp"
#include "sandbox/kernel/xdp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>

#include <fcntl.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The linked program itself, so that there is no second file to be found, trusted and kept in step.
extern "C" const char kSandboxInitImageBegin[];
extern "C" const char kSandboxInitImageEnd[];

namespace sandbox::launcher {
namespace {

void make_folder(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        throw_errno("cannot make the folder " + path,
                    errno == ENOENT ? "make its parent folder, owned by root" : "");
    const UniqueFd folder = open_fd(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (::fchown(folder.get(), uid, gid) != 0 || ::fchmod(folder.get(), mode) != 0)
        throw_errno("cannot set owner and mode of " + path);
}

void set_gateway_sysctls(int gateway) {
    struct Setting {
        const char* name;
        const char* value;
    };
    // arp_ignore and arp_announce: one session's link says nothing of the addresses of the others.
    for (const auto& [name, value] :
         {Setting{"net/ipv4/ip_forward", "0"}, Setting{"net/ipv4/conf/all/rp_filter", "1"},
          Setting{"net/ipv4/conf/default/rp_filter", "1"}, Setting{"net/ipv4/conf/all/arp_ignore", "1"},
          Setting{"net/ipv4/conf/all/arp_announce", "2"}, Setting{"net/ipv4/conf/all/accept_redirects", "0"},
          Setting{"net/ipv4/conf/all/send_redirects", "0"}, Setting{"net/ipv4/conf/all/route_localnet", "0"}})
        kernel::write_net_sysctl(gateway, name, value);
    kernel::disable_ipv6(gateway);
}

/// A record lock (fcntl(2)): it ends with this process, and no child has it.
UniqueFd lock_folder(const std::string& folder) {
    const std::string path = folder + "/launcher.lock";
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file)
        throw_errno("cannot open " + path);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    if (::fcntl(file.get(), F_SETLK, &lock) == 0)
        return file;
    if (errno != EAGAIN && errno != EACCES)
        throw_errno("cannot lock " + path);
    const bool known = ::fcntl(file.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    throw Error(Errc::conflict,
                "another sandbox-launcher" + (known ? " (process " + std::to_string(lock.l_pid) + ")" : "") +
                    " works in " + folder,
                "Stop that one first, or name another run_dir in sandboxd.toml.", "run_dir");
}

constexpr std::array<std::string_view, 12> kMoments{
    "holder",    "frozen",    "published",   "end_stdin",    "end_sigterm",  "end_kill",
    "end_noted", "end_group", "end_folders", "restart_kill", "restart_told", "restart_done"};

void die_at(const LauncherContext& context, std::string_view point) {
    if (context.fault == point)
        ::kill(::getpid(), SIGKILL);
}

} // namespace

ManagerIdentity find_manager(const std::string& user) {
    unsigned number = 0;
    if (const auto [rest, ec] = std::from_chars(user.data(), user.data() + user.size(), number);
        ec == std::errc{} && rest == user.data() + user.size())
        return {number, number};
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"), &std::fclose);
    if (!file)
        throw_errno("cannot open /etc/passwd");
    while (const passwd* entry = ::fgetpwent(file.get()))
        if (user == entry->pw_name)
            return {entry->pw_uid, entry->pw_gid};
    throw Error(Errc::not_found, "the manager's user " + user + " is not in /etc/passwd",
                "useradd --system --no-create-home --shell /usr/sbin/nologin " + user, "manager_user");
}

UniqueFd make_init_image() {
    // MFD_EXEC is new in 6.3 and needed where vm.memfd_noexec is set.
    constexpr unsigned kMfdExec = 0x10;
    int fd = ::memfd_create("sandbox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec);
    if (fd < 0 && errno == EINVAL)
        fd = ::memfd_create("sandbox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    UniqueFd image(fd);
    if (!image) {
        const int error_number = errno;
        // vm.rst: with 2 it refuses MFD_EXEC.
        throw errno_error(error_number, "cannot keep sandbox-init in a memory file that can be executed",
                          error_number == EACCES ? "sysctl vm.memfd_noexec=1, which leaves it to programs."
                                                 : "");
    }
    write_all(image.get(), {kSandboxInitImageBegin, kSandboxInitImageEnd}, "sandbox-init");
    if (::fchmod(image.get(), 0555) != 0 ||
        ::fcntl(image.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        throw_errno("cannot seal sandbox-init");
    return image;
}

UniqueFd open_gateway(const std::string& path) {
    if (UniqueFd pinned = kernel::open_pinned_namespace(path))
        return pinned;
    ::unlink(path.c_str()); // an empty file that a killed launcher left before it could pin
    UniqueFd gateway = kernel::new_network_namespace();
    set_gateway_sysctls(gateway.get());
    kernel::pin_namespace(gateway.get(), path);
    return gateway;
}

LauncherContext make_launcher_context(policy::Site site) {
    const ManagerIdentity manager = find_manager(site.manager_user);
    make_folder(site.run_dir, 0755, 0, 0);
    UniqueFd lock = lock_folder(site.run_dir);
    make_folder(site.run_dir + "/sessions", 0750, 0, manager.gid);
    make_folder(site.run_dir + "/ended", 0700, 0, 0);
    make_folder(site.run_dir + "/root", 0700, 0, 0);
    make_folder(site.state_dir, 0750, 0, manager.gid);
    make_folder(site.state_dir + "/logs", 0750, 0, manager.gid);
    make_folder(site.state_dir + "/manager", 0700, manager.uid, manager.gid); // its own, with its store
    UniqueFd gateway = open_gateway(site.run_dir + "/net");
    auto gateway_link = [&] {
        const kernel::NetnsGuard guard(gateway.get());
        return kernel::Netlink();
    }();
    UniqueFd link_filter = kernel::load_reply_filter(chimerax::kRestPort);
    // A program that is attached nowhere yet enters the kernel's XDP dispatcher, which waits for an RCU grace
    // period (bpf_dispatcher_change_prog): 4 to 20 ms in the launch of each session that is alone. On lo,
    // where it lets all pass, it is in there for as long as the gateway is.
    gateway_link.attach_xdp("lo", link_filter.get());
    return {.site = std::move(site),
            .lock = std::move(lock),
            .manager = manager,
            .gateway = std::move(gateway),
            .gateway_link = std::move(gateway_link),
            .link_filter = std::move(link_filter),
            .init_image = make_init_image(),
            .fault = {}};
}

void pin_gateway(const policy::Site& site) {
    make_folder(site.run_dir, 0755, 0, 0);
    const std::string path = site.run_dir + "/net";
    if (kernel::open_pinned_namespace(path))
        return; // a launcher that runs has the lock
    const UniqueFd lock = lock_folder(site.run_dir);
    open_gateway(path);
}

void check_fault(const std::string& name) {
    if (!step_from_text(name) && std::ranges::find(kMoments, name) == kMoments.end())
        throw Error(Errc::invalid_argument, "there is no step or fault point " + name, {}, "--fault-after");
}

void fault_point(const LauncherContext& context, Step step) {
    die_at(context, to_text(step));
}

void fault_point(const LauncherContext& context, FaultPoint moment) {
    die_at(context, kMoments.at(static_cast<std::size_t>(moment)));
}

} // namespace sandbox::launcher
