#include "ctl/terminal/output_file.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

constexpr int kMostLinks = 40; // as the kernel's MAXSYMLINKS
constexpr mode_t kPermissions = 01777;

[[noreturn]] void refuse(const std::string& path) {
    const int number = errno;
    std::string cure;
    if (number == ENOSPC || number == EDQUOT)
        cure = "Make room there, or name another place.";
    else if (number == EFBIG)
        cure = "The file system, or `ulimit -f`, takes no larger file.";
    throw errno_error(number, "cannot write " + path, cure);
}

/// Where a path leads: a name behind all links, also where nothing is there yet, or a descriptor of this
/// process, as /dev/stdout is.
struct Place {
    std::string name;
    int descriptor = -1;
};

/// The number, where the folder is the kernel's list of this process' descriptors.
int own_descriptor(const std::string& folder, const std::string& name) {
    if (!folder.starts_with("/proc/" + std::to_string(::getpid()) + "/") || !folder.ends_with("/fd"))
        return -1;
    int number = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && end == name.data() + name.size() ? number : -1;
}

Place find_place(const std::string& path) {
    std::string at = path;
    for (int i = 0; i < kMostLinks; ++i) {
        const std::size_t slash = at.rfind('/');
        const std::string above = slash == std::string::npos ? "." : at.substr(0, slash + 1);
        const std::string name = at.substr(slash + 1);
        const std::unique_ptr<char, decltype(&std::free)> real(::realpath(above.c_str(), nullptr),
                                                               &std::free);
        if (!real)
            refuse(path);
        const std::string folder = real.get();
        if (const int number = own_descriptor(folder, name); number >= 0)
            return {{}, number};
        at = (folder == "/" ? "" : folder) + "/" + name;
        std::string link(PATH_MAX, '\0');
        const ssize_t length = ::readlink(at.c_str(), link.data(), link.size());
        if (length < 0)
            return {at};
        link.resize(static_cast<std::size_t>(length));
        at = link.starts_with('/') ? link : folder + "/" + link;
    }
    errno = ELOOP;
    refuse(path);
}

bool is_same(const struct stat& known, const std::string& name) {
    struct stat now {};
    return ::lstat(name.c_str(), &now) == 0 && now.st_dev == known.st_dev && now.st_ino == known.st_ino;
}

std::string folder_of(const std::string& file) {
    return file.substr(0, file.rfind('/') + 1);
}

/// The new content may come from a session: it never gets what a plain write would take away.
void copy_attributes(const std::string& from, int to) {
    std::array<char, 4096> names{};
    const ssize_t length = ::listxattr(from.c_str(), names.data(), names.size());
    std::vector<char> value(XATTR_SIZE_MAX);
    for (ssize_t at = 0; at < length;) {
        const std::string name = names.data() + at;
        at += static_cast<ssize_t>(name.size()) + 1;
        if (!name.starts_with("user.") && name != "system.posix_acl_access" && name != "security.selinux")
            continue;
        const ssize_t size = ::getxattr(from.c_str(), name.c_str(), value.data(), value.size());
        if (size >= 0)
            ::fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(size), 0);
    }
}

} // namespace

OutputFile::OutputFile(const std::string& path, bool is_secret) : path_(path), is_secret_(is_secret) {
    replaces_ = ::stat(path.c_str(), &old_) == 0;
    if (!replaces_ && errno != ENOENT)
        refuse(path);
    if ((replaces_ && S_ISDIR(old_.st_mode)) || path.empty() || path.ends_with('/'))
        throw Error(replaces_ ? Errc::invalid_argument : Errc::not_found,
                    replaces_ ? path + " is a folder" : "there is no folder " + path, "Name a file.");
    const Place place = find_place(path);
    target_ = place.name;
    if (place.descriptor >= 0) {
        // Opened anew it would begin at its start, and a socket could not be opened at all.
        fd_ = UniqueFd(::fcntl(place.descriptor, F_DUPFD_CLOEXEC, 0));
        direct_ = true;
    } else if (replaces_ && !S_ISREG(old_.st_mode)) {
        fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
        direct_ = true;
    } else if (replaces_ && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
        refuse(path);
    } else if (replaces_ && !is_same(old_, target_)) {
        // A link of the kernel's own, to what has no name that could be found.
        fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
        direct_ = true;
    } else {
        open_beside();
    }
    if (!fd_)
        refuse(path);
}

void OutputFile::check(const std::string& path) {
    struct stat found {};
    const bool is_there = ::stat(path.c_str(), &found) == 0;
    if (is_there && S_ISDIR(found.st_mode))
        throw Error(Errc::invalid_argument, path + " is a folder", "Name a file.");
    const Place place = find_place(path);
    if (place.descriptor >= 0)
        return;
    const std::string written = is_there ? path : folder_of(place.name);
    if (::faccessat(AT_FDCWD, written.c_str(), W_OK, AT_EACCESS) != 0)
        refuse(path);
}

/// A file without a name leaves nothing behind, also where this program is killed.
void OutputFile::open_beside() {
    const std::string folder = folder_of(target_);
    const mode_t first = replaces_ || is_secret_ ? 0600 : 0666;
    const auto open_nameless = [&](const std::string& where) {
        fd_ = UniqueFd(::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, first));
    };
    open_nameless(folder);
    if (!fd_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT)) {
        temporary_ = folder + ".sandboxctl-" + new_session_id();
        fd_ = UniqueFd(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, first));
        if (!fd_)
            temporary_.clear();
    }
    // The file may be written, but its folder takes no other one: what comes waits elsewhere.
    if (!fd_ && replaces_ && (errno == EACCES || errno == EPERM || errno == EROFS)) {
        const char* place = std::getenv("TMPDIR");
        open_nameless(place != nullptr && *place != '\0' ? place : "/tmp");
        elsewhere_ = true;
        if (!fd_) {
            fd_ = UniqueFd(::open(target_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
            direct_ = true;
        }
    }
}

OutputFile::~OutputFile() {
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view piece) {
    while (!piece.empty()) {
        const ssize_t count = ::write(fd_.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            refuse(path_);
        piece.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// What has no disk below it has nothing to be flushed.
void OutputFile::flush(int fd) const {
    if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        refuse(path_);
}

/// False where it cannot look as the old one did.
bool OutputFile::dress() const {
    struct stat now {};
    if (::fstat(fd_.get(), &now) != 0)
        return false;
    if ((now.st_uid != old_.st_uid || now.st_gid != old_.st_gid) &&
        ::fchown(fd_.get(), old_.st_uid, old_.st_gid) != 0)
        return false;
    if (is_secret_)
        return true;
    copy_attributes(target_, fd_.get());
    return ::fchmod(fd_.get(), old_.st_mode & kPermissions) == 0;
}

/// False where the folder does not let it: the old one is then as it was.
bool OutputFile::replace() {
    if (temporary_.empty()) {
        const std::string itself = "/proc/self/fd/" + std::to_string(fd_.get());
        const std::string name = folder_of(target_) + ".sandboxctl-" + new_session_id();
        if (::linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
            return false;
        temporary_ = name;
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0)
        return false;
    temporary_.clear();
    return true;
}

/// Into the old file itself. Its content is touched only once there is room for all.
void OutputFile::pour() const {
    const UniqueFd to(::open(target_.c_str(), O_WRONLY | O_CLOEXEC));
    const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
    if (!to || size < 0 || (is_secret_ && ::fchmod(to.get(), 0600) != 0))
        refuse(path_);
    if (size > 0 && ::fallocate(to.get(), FALLOC_FL_KEEP_SIZE, 0, size) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        refuse(path_);
    std::vector<char> piece(256 * 1024);
    for (off_t done = 0; done < size;) {
        const ssize_t got = ::pread(fd_.get(), piece.data(), piece.size(), done);
        if (got <= 0)
            refuse(path_);
        write_all(to.get(), {piece.data(), static_cast<std::size_t>(got)}, path_);
        done += got;
    }
    if (::ftruncate(to.get(), size) != 0)
        refuse(path_);
    flush(to.get());
}

void OutputFile::keep() {
    if (!elsewhere_)
        flush(fd_.get());
    if (direct_)
        return;
    // Another name of the same file would keep the old content.
    const bool may_replace = !replaces_ || (!elsewhere_ && old_.st_nlink == 1 && dress());
    if (may_replace && replace())
        return;
    const bool may_pour = replaces_ && (!may_replace || errno == EACCES || errno == EPERM || errno == EBUSY);
    if (!may_pour)
        refuse(path_);
    pour();
}

} // namespace sandbox::ctl
