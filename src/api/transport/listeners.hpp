#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/policy/site.hpp"

#include <string>
#include <vector>

namespace sandbox::api {

/// The listening sockets that came with the start (sd_listen_fds(3)): all that are named `api-…`, or have no
/// name. They are in another network namespace than this program, where callers are. Where none came, those
/// of the site's settings are made here. Throws Error invalid_argument for an inherited descriptor that is no
/// listening stream socket, or is beyond loopback while the site has neither TLS nor a word that it needs
/// none.
std::vector<UniqueFd> open_listeners(const policy::Site& site);

/// Whether others of this socket's network reach it. Throws Error io.
bool is_beyond_loopback(int socket);

} // namespace sandbox::api
