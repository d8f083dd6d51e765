#include "log_reader.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::manager {
namespace {

struct Segment {
    UniqueFd fd;
    std::size_t size = 0;
    timespec modified{};
};

Segment open_segment(int dir, const std::string& name) {
    Segment segment;
    segment.fd = UniqueFd(::openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!segment.fd || ::fstat(segment.fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return {};
    segment.size = static_cast<std::size_t>(status.st_size);
    segment.modified = status.st_mtim;
    return segment;
}

bool is_older(const Segment& a, const Segment& b) {
    if (a.size != b.size)
        return a.size > b.size;
    // Both are full for the moment before the next line.
    return std::pair(a.modified.tv_sec, a.modified.tv_nsec) <
           std::pair(b.modified.tv_sec, b.modified.tv_nsec);
}

/// It may have been emptied since its size was read: what is there now counts.
std::string read_end(const Segment& segment, std::size_t tail) {
    std::string text(std::min(tail, segment.size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const auto offset = static_cast<off_t>(segment.size - text.size() + done);
        const ssize_t count = ::pread(segment.fd.get(), text.data() + done, text.size() - done, offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

} // namespace

std::string read_log_tail(const std::string& log_dir, const std::string& stream, std::size_t tail) {
    const UniqueFd dir(::open(log_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) {
        if (errno == ENOENT)
            return {};
        throw_errno("opening the log folder " + log_dir);
    }
    std::array segments{open_segment(dir.get(), stream + ".0"), open_segment(dir.get(), stream + ".1")};
    if (is_older(segments[1], segments[0]))
        std::swap(segments[0], segments[1]);
    const std::string newer = read_end(segments[1], tail);
    return read_end(segments[0], tail - newer.size()) + newer;
}

} // namespace sandbox::manager
