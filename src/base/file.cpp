#include "sandbox/base/file.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/working_folder.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>

namespace sandbox {

UniqueFd open_fd_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
    UniqueFd fd(::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) {
        const int error_number = errno;
        if (error_number == ENOENT && dir_fd == AT_FDCWD)
            check_working_folder(path);
        throw errno_error(error_number, "cannot open " + path);
    }
    return fd;
}

UniqueFd open_fd(const std::string& path, int flags, mode_t mode) {
    return open_fd_at(AT_FDCWD, path, flags, mode);
}

std::string read_file(int dir_fd, const std::string& path, std::size_t limit) {
    const UniqueFd fd = open_fd_at(dir_fd, path, O_RDONLY);
    std::string data;
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw_errno("cannot read " + path);
        if (count == 0)
            return data;
        data.append(buffer.data(), static_cast<std::size_t>(count));
        if (data.size() > limit)
            throw Error(Errc::too_large, path + " is larger than " + std::to_string(limit) + " bytes");
    }
}

std::string read_file(const std::string& path, std::size_t limit) {
    return read_file(AT_FDCWD, path, limit);
}

void write_all(int fd, std::string_view data, const std::string& name) {
    while (!data.empty()) {
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw_errno("cannot write " + name);
        data.remove_prefix(static_cast<std::size_t>(count));
    }
}

void write_file_atomically(const std::string& path, std::string_view data, mode_t mode) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string temporary = path + ".new";
    try {
        const UniqueFd fd = open_fd(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
        // The mode of open(2) is cut by the umask, and does nothing to a file that was there.
        if (::fchmod(fd.get(), mode) != 0)
            throw_errno("cannot set the mode of " + temporary);
        write_all(fd.get(), data, temporary);
        if (::fsync(fd.get()) != 0)
            throw_errno("cannot flush " + temporary);
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            throw_errno("cannot rename " + temporary + " to " + path);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    const UniqueFd folder_fd = open_fd(folder, O_RDONLY | O_DIRECTORY);
    if (::fsync(folder_fd.get()) != 0)
        throw_errno("cannot flush " + folder);
}

} // namespace sandbox
