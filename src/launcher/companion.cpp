#include "sandbox/launcher/companion.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

UniqueFd listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, "the path " + path + " is too long for a socket",
                    "choose a shorter one", "listen_unix");
    path.copy(address.sun_path, path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::unlink(path.c_str());
    // Anybody may connect: who the caller is decides what it may do (SO_PEERCRED).
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0666) != 0 || ::listen(socket.get(), 128) != 0)
        throw_errno("cannot listen on " + path);
    return socket;
}

UniqueFd listen_tcp(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    unsigned port = 0;
    const char* end = text.data() + text.size();
    if (colon == std::string::npos || std::from_chars(text.data() + colon + 1, end, port).ptr != end ||
        port > 65535)
        throw Error(Errc::invalid_argument, "\"" + text + "\" is no address",
                    "write it as 127.0.0.1:PORT or [::1]:PORT", "listen_tcp");
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (host.starts_with('[') && host.ends_with(']')) {
        auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(static_cast<std::uint16_t>(port));
        size = ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address->sin6_addr) == 1
                   ? sizeof *address
                   : 0;
    } else {
        auto* address = reinterpret_cast<sockaddr_in*>(&storage);
        address->sin_family = AF_INET;
        address->sin_port = htons(static_cast<std::uint16_t>(port));
        size = ::inet_pton(AF_INET, host.c_str(), &address->sin_addr) == 1 ? sizeof *address : 0;
    }
    if (size == 0)
        throw Error(Errc::invalid_argument, "\"" + text + "\" is no address",
                    "write it as 127.0.0.1:PORT or [::1]:PORT", "listen_tcp");
    UniqueFd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
        ::listen(socket.get(), 128) != 0)
        throw_errno("cannot listen on " + text, "is another program on that port?");
    return socket;
}

void reset_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_manager(const Environment& environment, pid_t launcher, const ApiSockets& sockets,
                                 const std::vector<std::string>& argv) {
    // Its descriptors from 3 on, all others closed.
    std::vector<int> lifted;
    for (const UniqueFd& socket : sockets.sockets)
        lifted.push_back(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 64));
    const int count = static_cast<int>(lifted.size());
    std::vector<char*> arguments;
    for (const std::string& argument : argv)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const gid_t gid = environment.manager.gid;
    const uid_t uid = environment.manager.uid;
    bool good = ::setns(environment.gateway.get(), CLONE_NEWNET) == 0 && ::setsid() > 0;
    for (int i = 0; i < count; ++i)
        good = good && ::dup2(lifted[static_cast<std::size_t>(i)], 3 + i) == 3 + i;
    good = good && ::close_range(static_cast<unsigned>(3 + count), ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
           ::setenv("LISTEN_FDS", std::to_string(count).c_str(), 1) == 0 &&
           ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1) == 0 &&
           ::setenv("LISTEN_FDNAMES", sockets.names.c_str(), 1) == 0 && ::setgroups(0, nullptr) == 0 &&
           ::setresgid(gid, gid, gid) == 0 && ::setresuid(uid, uid, uid) == 0 &&
           ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           // After the change of user, which clears it (prctl(2)): the two of them live and die together, or
           // the next launcher's manager would find the store in the hands of this one.
           ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == launcher;
    reset_signals();
    if (good)
        ::execv(arguments[0], arguments.data());
    const std::string text =
        "sandbox-launcher: cannot start " + argv[0] + ": " + errno_error(errno, "").what() + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(127);
}

} // namespace

ApiSockets open_api_sockets(const policy::Site& site) {
    ApiSockets api;
    api.sockets.push_back(listen_unix(site.listen_unix));
    api.names = "api-unix";
    for (const std::string& text : site.listen_tcp) {
        api.sockets.push_back(listen_tcp(text));
        api.names += ":api-tcp";
    }
    return api;
}

pid_t start_manager(const Environment& environment, const ApiSockets& sockets,
                    const std::vector<std::string>& argv) {
    const pid_t launcher = ::getpid();
    const kernel::CloneResult clone = kernel::clone_process(0, -1);
    if (clone.pid == 0)
        become_manager(environment, launcher, sockets, argv);
    return clone.pid;
}

pid_t start_holder(const Environment& environment) {
    const pid_t launcher = ::getpid();
    const kernel::CloneResult clone = kernel::clone_process(0, -1);
    if (clone.pid != 0) {
        fault_point(environment, Moment::holder);
        return clone.pid;
    }
    char name[] = "sandbox-hold";
    char* const argv[] = {name, nullptr};
    char* const none[] = {nullptr};
    reset_signals();
    sigset_t hold;
    ::sigemptyset(&hold);
    ::sigaddset(&hold, protocol::init::kHoldSignal);
    ::sigprocmask(SIG_BLOCK, &hold, nullptr);
    ::setsid();
    // Until it is told that its scope is there, nobody else would know of it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == launcher &&
        ::close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        ::syscall(SYS_execveat, environment.init_image.get(), "", argv, none, AT_EMPTY_PATH);
    ::_exit(127);
}

} // namespace sandbox::launcher
