#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>

namespace sandbox::kernel {

/// An XDP program for the near end of a session's link: it lets ARP in, and TCP segments from `port` that do
/// not open a connection; on lo all passes. So a session can answer, and can begin nothing, whatever listens
/// at the near end; there is no table to flush. Throws Error unsupported with the cure where the kernel has
/// no BPF (bpf(2)).
UniqueFd load_reply_filter(std::uint16_t port);

} // namespace sandbox::kernel
