#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <string>

#include <sys/socket.h>

namespace sandbox {

struct ListenAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};

/// `127.0.0.1:8600` or `[::1]:8600`. Throws Error invalid_argument.
ListenAddress parse_listen_address(const std::string& text);

/// A listening stream socket for the API's callers, close-on-exec and non-blocking, at such an address.
/// Throws Error with the cure.
UniqueFd listen_tcp(const std::string& text);

/// The same at a path, which everybody may connect to: who the caller is (SO_PEERCRED) decides what it may
/// do. Takes the place of a socket that is there. Throws Error with the cure.
UniqueFd listen_unix(const std::string& path);

/// What to do where a socket of that family cannot listen, by errno of socket(2), bind(2) or listen(2); empty
/// where the errno does not tell.
std::string listening_cure(int error_number, int family);

} // namespace sandbox
