#pragma once

#include <cstddef>
#include <cstdint>

namespace sandbox::init {

/// A log of bounded size in two files that were opened by somebody else: it fills one segment, then empties
/// the other and goes on there. At any time at most one segment is full, and that is the older one. Errors (a
/// full disk) lose output, never stop the reader.
class SegmentLog {
  public:
    SegmentLog(int first_fd, int second_fd, std::uint64_t segment_bytes);
    void write(const char* data, std::size_t size);

  private:
    int fds_[2];
    std::uint64_t segment_bytes_;
    std::uint64_t used_ = 0;
    int current_ = 0;
};

} // namespace sandbox::init
