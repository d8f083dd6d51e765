#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/launcher/construction.hpp"

#include <cstdint>
#include <string>

namespace sandbox::launcher {

struct SessionFile {
    UniqueFd fd; ///< for reading
    std::uint64_t size = 0;
};

/// Opens a regular file below a session's /work with the session's own user and group, so that what the
/// tenant put there (links, FIFOs, `..`, swapped while this looks) leads neither out nor to what the session
/// could not read itself (openat2(2)). Never blocks. Throws Error: invalid_argument for a path that cannot be
/// one, not_found, denied for one that leads out, conflict for what is no regular file.
SessionFile open_session_file(const Sandbox& sandbox, const std::string& path);

} // namespace sandbox::launcher
