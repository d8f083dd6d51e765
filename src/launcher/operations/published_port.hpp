#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/message.hpp"

#include <cstdint>

namespace sandbox::launcher {

struct PublishedPort {
    UniqueFd socket; ///< listening on 127.0.0.1 of the host
    std::uint16_t port = 0;
};

/// Opens the port that the session had before, or else one that the kernel chooses. It is held from before it
/// is told to anybody, so it is unique and cannot be taken by a neighbour. Throws Error denied where the
/// policy does not say so.
PublishedPort publish_port(const protocol::Launched& facts);

} // namespace sandbox::launcher
