#pragma once

#include "sandbox/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::policy {

/// One customer of the site: `tenants/NAME.toml`. The limits are those of its slice: all of its sessions
/// together.
struct Tenant {
    std::string name;
    std::string description;
    std::optional<Bytes> memory_max;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids_max;
    std::uint64_t cpu_weight = 100;
    std::uint64_t max_sessions = 0;
    std::vector<std::string> policies; ///< allowed policy names; the first is the default
    std::vector<std::string> users; ///< local users (names of /etc/passwd or numbers) who act as this tenant
    std::vector<std::string> token_hashes; ///< sha256_hex of the bearer tokens

    bool operator==(const Tenant&) const = default;
};

} // namespace sandbox::policy
