#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/policy/site.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::api {

/// The listening sockets that came with the start (sd_listen_fds(3)): all that are named `api-…`, or have no
/// name. They are in another network namespace than this program, where callers are. Where none came, those
/// of the site's settings are made here. Throws Error invalid_argument for an inherited descriptor that is no
/// listening stream socket, or an address that is not loopback.
std::vector<UniqueFd> open_listeners(const policy::Site& site);

struct LoopbackAddress {
    bool six = false;
    std::uint16_t port = 0;
};

/// `127.0.0.1:8600`, `[::1]:8600` or `localhost:8600`. Throws Error invalid_argument.
LoopbackAddress parse_loopback(const std::string& text);

} // namespace sandbox::api
