#include "manager/logs/log_reader.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

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
    int fd = -1;
    std::uint64_t size = 0;
    timespec modified{};
};

/// As it is now; empty for what is not a regular file.
Segment look_at(int fd) {
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return {};
    return {fd, static_cast<std::uint64_t>(status.st_size), status.st_mtim};
}

UniqueFd open_segment(int dir, const std::string& name) {
    return UniqueFd(::openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

bool is_older(const Segment& a, const Segment& b) {
    if (a.size != b.size)
        return a.size > b.size;
    // Both are full for the moment before the next line.
    return std::pair(a.modified.tv_sec, a.modified.tv_nsec) <
           std::pair(b.modified.tv_sec, b.modified.tv_nsec);
}

/// It may have been emptied since its size was read: what is there now counts.
std::string read_range(int fd, std::uint64_t from, std::uint64_t to) {
    std::string text(static_cast<std::size_t>(to - from), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count =
            ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(from + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

std::string read_end(const Segment& segment, std::uint64_t tail) {
    return read_range(segment.fd, segment.size - std::min(tail, segment.size), segment.size);
}

} // namespace

std::string read_log_tail(const std::string& log_dir, const std::string& stream, std::size_t tail) {
    const UniqueFd dir(::open(log_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) {
        if (errno == ENOENT)
            return {};
        throw_errno("opening the log folder " + log_dir);
    }
    const std::array files{open_segment(dir.get(), stream + ".0"), open_segment(dir.get(), stream + ".1")};
    std::array segments{look_at(files[0].get()), look_at(files[1].get())};
    if (is_older(segments[1], segments[0]))
        std::swap(segments[0], segments[1]);
    const std::string newer = read_end(segments[1], tail);
    return read_end(segments[0], tail - newer.size()) + newer;
}

LogReader::LogReader(const std::string& log_dir, const std::string& stream, std::uint64_t tail) {
    const UniqueFd dir(::open(log_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir)
        files_ = {open_segment(dir.get(), stream + ".0"), open_segment(dir.get(), stream + ".1")};
    begin(tail);
}

LogReader::LogReader(UniqueFd file, std::uint64_t tail) : files_{std::move(file), UniqueFd()} {
    begin(tail);
}

void LogReader::begin(std::uint64_t tail) {
    const std::array segments{look_at(files_[0].get()), look_at(files_[1].get())};
    const std::size_t older = is_older(segments[1], segments[0]) ? 1 : 0;
    for (const std::size_t file : {older ^ 1U, older}) {
        const std::uint64_t size = segments.at(file).size, taken = std::min(tail, size);
        offsets_.at(file) = size;
        tail -= taken;
        is_cut_ = is_cut_ || taken < size;
        if (taken > 0)
            parts_.push_back({file, size - taken, size});
    }
}

std::string LogReader::next_piece() {
    std::string text;
    while (text.empty() && !parts_.empty()) {
        Part& part = parts_.back();
        const std::uint64_t to = std::min<std::uint64_t>(part.to, part.from + kPiece);
        text = read_range(files_.at(part.file).get(), part.from, to);
        part.from = to;
        if (part.from == part.to || text.empty()) // emptied meanwhile
            parts_.pop_back();
    }
    return text;
}

std::string LogReader::read_new() {
    const std::array segments{look_at(files_[0].get()), look_at(files_[1].get())};
    std::array<std::size_t, 2> order{0, 1};
    if (is_older(segments[1], segments[0]))
        std::swap(order[0], order[1]);
    std::string text;
    for (const std::size_t index : order) {
        const Segment& segment = segments.at(index);
        std::uint64_t& offset = offsets_.at(index);
        if (segment.size < offset) // it was emptied, and begins anew
            offset = 0;
        text += read_end(segment, std::min<std::uint64_t>(segment.size - offset, kMostNew));
        offset = segment.size;
    }
    return text;
}

} // namespace sandbox::manager
