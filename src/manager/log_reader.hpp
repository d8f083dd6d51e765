#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace sandbox::manager {

/// The last `tail` bytes of a stream that sandbox-init keeps as a ring of two segments, `<stream>.0` and
/// `<stream>.1`: it fills one up to half of the log's size, then empties the other and goes on there. So the
/// longer one is the older. What is not there is empty. The bytes are the tenant's: any bytes at all.
std::string read_log_tail(const std::string& log_dir, const std::string& stream, std::size_t tail);

/// Where a reader of a stream that goes on stands, from the moment that it is made. What comes faster than it
/// reads is left out, the older first.
class LogFollower {
  public:
    static constexpr std::size_t kMostAtOnce = 1024 * 1024;

    LogFollower(const std::string& log_dir, const std::string& stream);

    /// What is new since the last call.
    std::string read_new();

  private:
    std::array<UniqueFd, 2> segments_; ///< held: what came last is read though the session's log has gone
    std::array<std::size_t, 2> offsets_{};
};

} // namespace sandbox::manager
