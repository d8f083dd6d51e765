#pragma once

#include <cstdint>
#include <vector>

/// A child of the launcher's own, cloned and not executed, that does one thing and needs the launcher's
/// descriptors and rights no more.
namespace sandbox::launcher {

/// Copies of the launcher's own would keep sockets and pipes open that others wait for the end of.
void close_all_but(std::vector<int> kept);

/// Takes that uid and gid, without a group or a capability beside them, for good. Throws Error.
void drop_privileges_to(std::uint32_t uid, std::uint32_t gid);

} // namespace sandbox::launcher
