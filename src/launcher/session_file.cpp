#include "sandbox/launcher/session_file.hpp"

#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <sstream>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
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

std::string name_of(const Sandbox& sandbox, const std::string& path) {
    return "/work/" + path + " of session " + sandbox.facts.session;
}

/// Opens as the session's own user.
UniqueFd open_as(const Sandbox& sandbox, const std::string& path, std::uint64_t flags) {
    const UniqueFd workspace = open_workspace(sandbox);
    UniqueFd fd;
    int number = 0;
    {
        const ReadAs tenant(sandbox.facts.uid);
        fd = open_beneath(workspace.get(), path, flags);
        number = errno;
    }
    if (!fd)
        refuse_session_file(number, name_of(sandbox, path));
    return fd;
}

const char* type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "folder";
    case S_IFLNK:
        return "link";
    default:
        return "other";
    }
}

/// As they come from the kernel, the first ones.
std::vector<std::string> names_in(UniqueFd folder, bool& truncated) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), &::closedir);
    if (!stream)
        throw_errno("cannot list a folder");
    static_cast<void>(folder.release()); // the DIR owns it now
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        truncated = names.size() == kMostListed;
        if (truncated)
            break;
        names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

std::string listing_of(const Sandbox& sandbox, UniqueFd folder) {
    using Json = nlohmann::ordered_json;
    const UniqueFd opened(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0));
    bool truncated = false;
    Json entries = Json::array();
    const ReadAs tenant(sandbox.facts.uid);
    for (const std::string& name : names_in(std::move(folder), truncated)) {
        struct stat status {};
        if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue; // it has gone
        const auto modified = std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec) +
                              std::chrono::milliseconds(status.st_mtim.tv_nsec / 1'000'000);
        entries.push_back({{"name", name},
                           {"type", type_of(status.st_mode)},
                           {"size", status.st_size},
                           {"modified_at", format_time(modified)}});
    }
    const Json document{{"entries", std::move(entries)}, {"truncated", truncated}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

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

void check_session_path(const std::string& path) {
    if (path.empty() || path.front() == '/' || path.size() > kMaxPath || path.find('\0') != std::string::npos)
        throw Error(Errc::invalid_argument, "\"" + path.substr(0, 80) + "\" is no path below /work",
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
        throw Error(Errc::conflict, name + " is no regular file", {}, "path");
    case ENOSPC:
    case EDQUOT:
        throw Error(Errc::too_large, "there is no room in the workspace for " + name,
                    "Remove files there, or use a policy with a larger /work.", "body");
    case ENAMETOOLONG:
        throw Error(Errc::invalid_argument, "a part of the path is over 255 bytes", {}, "path");
    case EACCES:
    case EPERM:
        throw Error(Errc::denied, "the session itself may not do this with " + name, {}, "path");
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

void check_replaced(int folder, const std::string& base, const std::string& replaces) {
    struct stat status {};
    if (replaces.empty())
        return;
    const bool there = ::fstatat(folder, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there || file_tag(status) != replaces)
        throw Error(Errc::conflict, "the file has changed, or is not there", "Look at it again.", "If-Match");
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
    file.fd = open_as(sandbox, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0)
        throw_errno("cannot look at " + name_of(sandbox, path));
    if (!S_ISREG(status.st_mode))
        throw Error(Errc::conflict, name_of(sandbox, path) + " is no regular file",
                    S_ISDIR(status.st_mode) ? "Ask for a list of the folder." : "", "path");
    file.size = static_cast<std::uint64_t>(status.st_size);
    file.tag = file_tag(status);
    return file;
}

SessionFile list_session_folder(const Sandbox& sandbox, const std::string& path) {
    if (!path.empty())
        check_session_path(path);
    const std::string text =
        listing_of(sandbox, open_as(sandbox, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
    SessionFile list;
    list.fd = UniqueFd(::memfd_create("listing", MFD_CLOEXEC));
    if (!list.fd)
        throw_errno("memfd_create");
    write_all(list.fd.get(), text, "a listing");
    list.size = text.size();
    return list;
}

void remove_session_file(const Sandbox& sandbox, const std::string& path, const std::string& replaces) {
    const auto [folder, base] = split_session_path(path);
    const UniqueFd parent = open_as(sandbox, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    int number = 0;
    {
        const ReadAs tenant(sandbox.facts.uid);
        check_replaced(parent.get(), base, replaces);
        number = ::unlinkat(parent.get(), base.c_str(), 0) == 0 ? 0 : errno;
    }
    if (number != 0)
        refuse_session_file(number, name_of(sandbox, path));
}

} // namespace sandbox::launcher
