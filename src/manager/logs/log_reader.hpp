#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::manager {

/// The last `tail` bytes of a stream that sandbox-init keeps as a ring of two segments, `<stream>.0` and
/// `<stream>.1`: it fills one up to half of the log's size, then empties the other and goes on there. So the
/// longer one is the older. What is not there is empty. The bytes are the tenant's: any bytes at all.
std::string read_log_tail(const std::string& log_dir, const std::string& stream, std::size_t tail);

/// A stream that is read piece by piece, from its last bytes when it was opened to what comes later. It holds
/// the files open: what came last is read though the session's log has gone.
class LogReader {
  public:
    /// The most that is read at once, and of what is new between two looks, the newest of it.
    static constexpr std::size_t kPiece = 256 * 1024, kMostNew = 1024 * 1024;

    /// The ring that sandbox-init writes.
    LogReader(const std::string& log_dir, const std::string& stream, std::uint64_t tail);
    /// One file, of a log that is kept.
    LogReader(UniqueFd file, std::uint64_t tail);

    /// False: there is no such log.
    bool is_there() const { return files_[0] || files_[1]; }
    /// There was more before the tail.
    bool is_cut() const { return is_cut_; }

    /// The next of what there was at the opening; empty: that was all.
    std::string next_piece();
    /// What is new since the opening, or the last call.
    std::string read_new();

  private:
    /// What is still to be read of a file as it was at the opening.
    struct Part {
        std::size_t file = 0;
        std::uint64_t from = 0, to = 0;
    };
    void begin(std::uint64_t tail);

    std::array<UniqueFd, 2> files_;
    std::array<std::uint64_t, 2> offsets_{};
    std::vector<Part> parts_; ///< the next one is the last
    bool is_cut_ = false;
};

} // namespace sandbox::manager
