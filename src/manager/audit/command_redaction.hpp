#pragma once

#include "sandbox/manager/audit.hpp"
#include "sandbox/policy/policy.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace sandbox::manager {

inline constexpr std::size_t kMostAuditedCommands = 64;    ///< of one line; the others are counted
inline constexpr std::size_t kMostAuditedCommand = 1024;   ///< bytes of the text of one
inline constexpr std::size_t kMostAuditedText = 16 * 1024; ///< bytes of all of them together

/// Puts into the entry what a policy lets the audit trail have of these commands. Hashes are of whole
/// commands, HMAC-SHA-256 in hex under the key, so that nobody without it can tell which command one is of,
/// however short that is.
void put_commands(AuditEntry& entry, policy::CommandAudit audit, std::span<const std::string_view> commands,
                  std::string_view key);

} // namespace sandbox::manager
