#include "init/segment_log.hpp"

#include <cerrno>

#include <unistd.h>

namespace sandbox::init {

SegmentLog::SegmentLog(int first_fd, int second_fd, std::uint64_t segment_bytes)
    : fds_{first_fd, second_fd},
      segment_bytes_(segment_bytes) {}

void SegmentLog::write(const char* data, std::size_t size) {
    while (size > 0) {
        const std::uint64_t room = segment_bytes_ - used_;
        const std::size_t part = size < room ? size : static_cast<std::size_t>(room);
        const ssize_t written = ::pwrite(fds_[current_], data, part, static_cast<off_t>(used_));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        data += written;
        size -= static_cast<std::size_t>(written);
        used_ += static_cast<std::uint64_t>(written);
        if (used_ == segment_bytes_) {
            // At once, not at the next write: a reader knows the older segment by its being full.
            current_ ^= 1;
            used_ = 0;
            if (::ftruncate(fds_[current_], 0) != 0)
                return;
        }
    }
}

} // namespace sandbox::init
