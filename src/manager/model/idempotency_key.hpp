#pragma once

#include <string>

namespace sandbox::manager {

/// What is kept of the Idempotency-Key that a session was made with.
struct IdempotencyMark {
    std::string name; ///< a hash of caller and key
    std::string fingerprint;
};

} // namespace sandbox::manager
