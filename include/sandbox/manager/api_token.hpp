#pragma once

#include "sandbox/base/duration.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::manager {

using WallTime = std::chrono::system_clock::time_point;

inline constexpr Duration kTokenLife = std::chrono::hours(90 * 24); ///< unless asked otherwise
inline constexpr Duration kMaxTokenLife = std::chrono::hours(365 * 24);

/// What the bearer of an API token may do: read the figures of the site, use one session, act as a tenant, or
/// all.
enum class TokenRole { monitor, session, tenant, admin };
enum class TokenState { active, expired, revoked };

std::string_view to_text(TokenRole role);
std::string_view to_text(TokenState state);
std::optional<TokenRole> token_role_from_text(std::string_view text);

/// An API token as it may be shown: the secret itself is nowhere, and its hash in the store alone.
struct ApiToken {
    std::string id; ///< `tok_` and a session id's characters
    TokenRole role = TokenRole::monitor;
    std::string tenant;  ///< roles tenant and session
    std::string session; ///< role session
    std::string name;    ///< for people
    std::string made_by; ///< the id of the token that made it, and takes it along when it is revoked
    WallTime created_at{}, expires_at{};
    std::optional<WallTime> last_used_at; ///< to the minute
    std::optional<WallTime> revoked_at;

    /// By the wall clock: what was promised is a date.
    TokenState state(WallTime now) const {
        return revoked_at          ? TokenState::revoked
               : now >= expires_at ? TokenState::expired
                                   : TokenState::active;
    }
};

/// What is asked for. Whether the caller may have it is the caller's business.
struct NewToken {
    TokenRole role = TokenRole::monitor;
    std::string tenant, session, name, made_by;
    WallTime expires_at{};
};

struct MadeToken {
    ApiToken token;
    std::string secret; ///< the only time that it is shown
};

bool is_token_id(std::string_view text);

} // namespace sandbox::manager
