#pragma once

#include <string>
#include <string_view>

namespace sandbox {

/// A session's id: 16 characters of `a-z2-7` that start with a letter: 79 random bits. It names cgroups,
/// folders and URLs, so nothing else is ever taken for one.
inline constexpr std::size_t kSessionIdLength = 16;

std::string new_session_id();
bool is_session_id(std::string_view text);

/// Tenant names are `[a-z0-9_]{1,32}`: in the name of a systemd slice `-` means hierarchy.
bool is_tenant_name(std::string_view text);

/// Policy names are `[a-z0-9][a-z0-9_-]{0,63}`: each is a file name without `.toml`.
bool is_policy_name(std::string_view text);

/// A secret of 256 random bits as 43 characters of base64url.
std::string new_token();

/// A token for a name that only who has the secret can make, and that he can make again: HMAC-SHA-256
/// (RFC 2104) in base64url. It looks like any other token.
std::string derived_token(std::string_view secret, std::string_view name);

/// SHA-256 in lower-case hex: how tokens are kept and policies are identified.
std::string sha256_hex(std::string_view data);

/// HMAC-SHA-256 (RFC 2104) in lower-case hex: tells nothing of the data to who has not the key.
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

/// Compares in time that does not depend on the content, only on the lengths.
bool equal_constant_time(std::string_view a, std::string_view b);

} // namespace sandbox
