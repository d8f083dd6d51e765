#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::protocol {

inline constexpr std::size_t kMaxDescriptors = 8; ///< in one packet

struct Received {
    std::string text; ///< empty: the peer has closed
    std::vector<UniqueFd> descriptors;
};

/// Connects to the SOCK_SEQPACKET socket at a path (unix(7)). Without a descriptor, and errno says why, where
/// nobody takes it. Throws Error invalid_argument for a path that is too long.
UniqueFd connect_packet_socket(const std::string& path);

/// Sends one packet on a SOCK_SEQPACKET socket, with descriptors. False: a non-blocking socket has no room
/// now. Throws Error too_large, unavailable when the peer is gone, invalid_argument for an empty text or more
/// than kMaxDescriptors.
bool send_packet(int socket, std::string_view text, std::span<const int> descriptors = {});

/// Receives one packet, whole or not at all: of a cut one all descriptors are closed, and it is Error
/// invalid_argument. A non-blocking socket with nothing to read sets `would_block`; without that argument it
/// is Error timed_out. All descriptors are close-on-exec.
Received receive_packet(int socket, bool* would_block = nullptr);

struct Peer {
    std::uint32_t uid;
    std::uint32_t gid;
    std::int32_t pid;
};
Peer peer_credentials(int socket);

} // namespace sandbox::protocol
