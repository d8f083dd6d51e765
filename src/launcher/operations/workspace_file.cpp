#include "launcher/operations/workspace_file.hpp"

#include "launcher/helpers/act_as.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::size_t kMaxPath = 4095;

} // namespace

UniqueFd open_workspace(const Sandbox& sandbox) {
    const std::string path = "/proc/" + std::to_string(sandbox.facts.init_pid) + "/root/work";
    UniqueFd workspace(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // Asked after the opening: while init lives, its number is nobody else's.
    pollfd ended{.fd = sandbox.pidfd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, 0) != 0 || !workspace)
        throw Error(Errc::gone, "session " + sandbox.facts.session + " has no workspace any more");
    return workspace;
}

UniqueFd open_beneath(int folder, const std::string& path, std::uint64_t flags, std::uint64_t mode) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

std::string session_file_name(const Sandbox& sandbox, const std::string& path) {
    return "/work/" + path + " of session " + sandbox.facts.session;
}

UniqueFd open_as_session(const Sandbox& sandbox, const std::string& path, std::uint64_t flags) {
    const UniqueFd workspace = open_workspace(sandbox);
    UniqueFd fd;
    int number = 0;
    {
        const ActAs tenant(sandbox.facts.uid);
        fd = open_beneath(workspace.get(), path, flags);
        number = errno;
    }
    if (!fd)
        refuse_session_file(number, session_file_name(sandbox, path));
    return fd;
}

void check_session_path(const std::string& path) {
    if (path.empty() || path.front() == '/' || path.size() > kMaxPath || path.find('\0') != std::string::npos)
        throw Error(Errc::invalid_argument, "\"" + path.substr(0, 80) + "\" is not a path below /work",
                    "Give a relative path of at most 4095 bytes.", "path");
}

[[noreturn]] void refuse_session_file(int number, const std::string& name) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        throw Error(Errc::not_found, "there is no file " + name, {}, "path");
    case EXDEV:
    case ELOOP:
    case EAGAIN:
        throw Error(Errc::denied, name + " leads out of the workspace", "Copy the file itself to /work.",
                    "path");
    case EISDIR:
    case ENXIO: // a socket
        throw Error(Errc::conflict, name + " is not a regular file", {}, "path");
    case ENOSPC:
    case EDQUOT:
        throw Error(Errc::too_large, "there is no room in the workspace for " + name,
                    "Remove files there, or use a policy with a larger /work.", "body");
    case ENAMETOOLONG:
        throw Error(Errc::invalid_argument, "a part of the path is over 255 bytes", {}, "path");
    case EACCES:
    case EPERM:
        throw Error(Errc::denied, "the session itself may not do this with " + name,
                    "Let the session change the mode of it, or of the folder, first.", "path");
    default:
        errno = number;
        throw_errno("cannot open " + name);
    }
}

std::string file_tag(const struct stat& status) {
    std::ostringstream tag;
    tag << std::hex << status.st_ino << '-' << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec << '-'
        << status.st_size;
    return tag.str();
}

void check_preconditions(int workspace, const std::string& path, int folder,
                         const protocol::Preconditions& only_if) {
    const std::string base = split_session_path(path).second;
    struct stat status {};
    const bool there = ::fstatat(folder, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    // What a reader of a link was told is of the file that it leads to, anywhere in the workspace.
    if (there && S_ISLNK(status.st_mode))
        if (const UniqueFd led_to = open_beneath(workspace, path, O_PATH); led_to)
            ::fstat(led_to.get(), &status);
    const auto names = [&](const std::vector<std::string>& tags) {
        const std::string tag = '"' + file_tag(status) + '"';
        return there && std::ranges::any_of(tags, [&](const auto& one) { return one == "*" || one == tag; });
    };
    if (only_if.if_match && !names(*only_if.if_match))
        throw Error(Errc::conflict, "the file has changed, or is not there", "Look at it again.", "If-Match");
    if (only_if.unmodified_since && there && status.st_mtim.tv_sec > *only_if.unmodified_since)
        throw Error(Errc::conflict, "the file has changed since then", "Look at it again.",
                    "If-Unmodified-Since");
    if (only_if.if_none_match && names(*only_if.if_none_match))
        throw_is_there();
}

void throw_is_there() {
    throw Error(Errc::conflict, "there is a file of that name", "Choose another name, or look at it first.",
                "If-None-Match");
}

std::pair<std::string, std::string> split_session_path(const std::string& path) {
    check_session_path(path);
    const std::size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    std::string base = slash == std::string::npos ? path : path.substr(slash + 1);
    if (base.empty() || base == "." || base == "..")
        throw Error(Errc::invalid_argument, "\"" + path.substr(0, 80) + "\" names no file",
                    "End the path with the file's name.", "path");
    return {std::move(folder), std::move(base)};
}

SessionFile open_session_file(const Sandbox& sandbox, const std::string& path) {
    check_session_path(path);
    SessionFile file;
    file.fd = open_as_session(sandbox, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0)
        throw_errno("cannot look at " + session_file_name(sandbox, path));
    if (!S_ISREG(status.st_mode))
        throw Error(Errc::conflict, session_file_name(sandbox, path) + " is not a regular file",
                    S_ISDIR(status.st_mode) ? "Ask for a list of the folder." : "", "path");
    file.size = static_cast<std::uint64_t>(status.st_size);
    file.tag = file_tag(status);
    return file;
}

void remove_session_file(const Sandbox& sandbox, const std::string& path,
                         const protocol::Preconditions& only_if) {
    const auto [folder, base] = split_session_path(path);
    const UniqueFd workspace = open_workspace(sandbox);
    const UniqueFd parent = open_as_session(sandbox, folder.empty() ? "." : folder, O_PATH | O_DIRECTORY);
    int number = 0;
    {
        const ActAs tenant(sandbox.facts.uid);
        check_preconditions(workspace.get(), path, parent.get(), only_if);
        number = ::unlinkat(parent.get(), base.c_str(), 0) == 0 ? 0 : errno;
    }
    if (number != 0)
        refuse_session_file(number, session_file_name(sandbox, path));
}

} // namespace sandbox::launcher
