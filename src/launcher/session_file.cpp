#include "sandbox/launcher/session_file.hpp"

#include "sandbox/base/error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::size_t kMaxPath = 4095;

/// This thread reads files as somebody else. With another fsuid than 0, the kernel also takes the
/// capabilities over files out of the effective set, until it is 0 again (capabilities(7)).
class ReadAs {
  public:
    explicit ReadAs(std::uint32_t id) {
        ::setfsgid(id);
        ::setfsuid(id);
        // Neither call says whether it failed; asking with an id that cannot be does.
        if (static_cast<std::uint32_t>(::setfsuid(static_cast<uid_t>(-1))) != id ||
            static_cast<std::uint32_t>(::setfsgid(static_cast<gid_t>(-1))) != id) {
            restore();
            throw Error(Errc::internal, "the kernel lets the launcher take no other user");
        }
    }
    ~ReadAs() { restore(); }
    ReadAs(const ReadAs&) = delete;
    ReadAs& operator=(const ReadAs&) = delete;

  private:
    static void restore() {
        ::setfsuid(0);
        ::setfsgid(0);
    }
};

UniqueFd open_workspace(const Sandbox& sandbox) {
    const std::string path = "/proc/" + std::to_string(sandbox.facts.init_pid) + "/root/work";
    UniqueFd workspace(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // Asked after the opening: while init lives, its number is nobody else's.
    pollfd ended{.fd = sandbox.pidfd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, 0) != 0 || !workspace)
        throw Error(Errc::gone, "session " + sandbox.facts.session + " has no workspace any more");
    return workspace;
}

[[noreturn]] void refuse(int number, const std::string& name) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        throw Error(Errc::not_found, "there is no file " + name, {}, "path");
    case EXDEV:
    case ELOOP:
    case EAGAIN:
        throw Error(Errc::denied, name + " leads out of the workspace", "Copy the file itself to /work.",
                    "path");
    case ENXIO: // a socket
        throw Error(Errc::conflict, name + " is no regular file", {}, "path");
    default:
        errno = number;
        throw_errno("cannot open " + name);
    }
}

} // namespace

SessionFile open_session_file(const Sandbox& sandbox, const std::string& path) {
    if (path.empty() || path.front() == '/' || path.size() > kMaxPath || path.find('\0') != std::string::npos)
        throw Error(Errc::invalid_argument, "\"" + path.substr(0, 80) + "\" is no path below /work",
                    "Give a relative path of at most 4095 bytes.", "path");
    const UniqueFd workspace = open_workspace(sandbox);
    const std::string name = "/work/" + path + " of session " + sandbox.facts.session;
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    SessionFile file;
    int number = 0;
    {
        const ReadAs tenant(sandbox.facts.uid);
        file.fd = UniqueFd(
            static_cast<int>(::syscall(SYS_openat2, workspace.get(), path.c_str(), &how, sizeof how)));
        number = errno;
    }
    if (!file.fd)
        refuse(number, name);
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0)
        throw_errno("cannot look at " + name);
    if (!S_ISREG(status.st_mode))
        throw Error(Errc::conflict, name + " is no regular file", {}, "path");
    file.size = static_cast<std::uint64_t>(status.st_size);
    return file;
}

} // namespace sandbox::launcher
