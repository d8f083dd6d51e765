#include "policy/files/trusted_file.hpp"

#include "policy/files/toml_document.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::policy {
namespace {

struct stat status_of(const UniqueFd& fd, const std::string& path) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        throw_errno("cannot look at " + path);
    return status;
}

Error denied(const std::string& file, const std::string& part, const std::string& why, std::string cure) {
    return {Errc::denied, file + ": " + (part == file ? "the file" : part) + " " + why, std::move(cure)};
}

/// `file` is what was asked for, `part` the folder on the way to it, or itself.
void check_part(const struct stat& status, const std::string& file, const std::string& part) {
    if (S_ISLNK(status.st_mode))
        throw denied(file, part, "is a symbolic link, and links are not followed here",
                     "name the place that it leads to, or put a real folder or file there");
    if (status.st_uid != 0)
        throw denied(file, part, "belongs to user " + std::to_string(status.st_uid) + ", not to root",
                     "chown root:root " + part);
    // An ACL that lets others write shows as the group's bit (acl(5)). A sticky folder does not help: others
    // may still put a file there.
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw denied(file, part,
                     std::string("can be written by ") +
                         ((status.st_mode & S_IWOTH) != 0 ? "everybody" : "its group") +
                         ", not by root alone",
                     "chmod go-w " + part);
}

std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at)
            parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

/// O_PATH first: a device or FIFO is looked at before it is opened.
UniqueFd open_part(const UniqueFd& folder, const std::string& name, const std::string& file,
                   const std::string& so_far) {
    UniqueFd part(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!part)
        throw errno_error(errno,
                          so_far == file ? "cannot open " + file : "cannot open " + file + ": at " + so_far);
    return part;
}

/// `file` is what errors speak of: the path, or a file in that folder.
UniqueFd open_root_owned(const std::string& path, const std::string& file) {
    const std::vector<std::string> parts = parts_of(path);
    if (!path.starts_with('/') || parts.empty() ||
        std::ranges::count(parts, "..") + std::ranges::count(parts, ".") > 0)
        throw Error(Errc::invalid_argument, path + " must be an absolute path without . and .. parts");
    UniqueFd folder = open_fd("/", O_PATH | O_DIRECTORY);
    check_part(status_of(folder, "/"), file, "/");
    std::string so_far;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        so_far += "/" + parts[i];
        UniqueFd part =
            open_part(folder, parts[i], file == path && i + 1 == parts.size() ? so_far : file, so_far);
        check_part(status_of(part, so_far), file, so_far);
        folder = std::move(part);
    }
    return folder;
}

std::string read_all(const UniqueFd& fd, const std::string& path) {
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw_errno("cannot read " + path);
        if (count == 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > kMaxFileSize)
            throw Error(Errc::invalid_argument,
                        path + ": is larger than " + std::to_string(kMaxFileSize) + " bytes");
    }
}

} // namespace

std::string read_trusted_file(const std::string& path, Trust trust) {
    const UniqueFd found =
        trust == Trust::root_owned_only ? open_root_owned(path, path) : open_fd(path, O_PATH);
    if (!S_ISREG(status_of(found, path).st_mode))
        throw Error(Errc::invalid_argument, path + ": is not a regular file");
    // The same file that was looked at, whatever stands under its name now.
    const UniqueFd fd(
        ::open(("/proc/self/fd/" + std::to_string(found.get())).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        throw_errno("cannot open " + path);
    return read_all(fd, path);
}

bool is_there(const std::string& path, Trust trust) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    UniqueFd found;
    try {
        found = trust == Trust::root_owned_only ? open_root_owned(folder, path) : open_fd(folder, O_PATH);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw;
        return false;
    }
    struct stat status {};
    if (::fstatat(found.get(), path.c_str() + slash + 1, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    if (errno == ENOENT)
        return false;
    throw_errno("cannot look at " + path);
}

std::vector<std::string> list_toml_names(const std::string& dir) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(dir, error), end; !error && entry != end;
         entry.increment(error))
        if (entry->path().extension() == ".toml")
            names.push_back(entry->path().stem());
    if (error)
        throw errno_error(error.value(), "cannot list " + dir);
    std::ranges::sort(names);
    return names;
}

} // namespace sandbox::policy
