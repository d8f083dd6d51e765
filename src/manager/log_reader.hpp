#pragma once

#include <cstddef>
#include <string>

namespace sandbox::manager {

/// The last `tail` bytes of a stream that sandbox-init keeps as a ring of two segments, `<stream>.0` and
/// `<stream>.1`: it fills one up to half of the log's size, then empties the other and goes on there. So the
/// longer one is the older. What is not there is empty. The bytes are the tenant's: any bytes at all.
std::string read_log_tail(const std::string& log_dir, const std::string& stream, std::size_t tail);

} // namespace sandbox::manager
