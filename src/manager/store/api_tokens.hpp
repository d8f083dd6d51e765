#pragma once

#include "sandbox/manager/api_token.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sandbox::manager {

/// What the store keeps of a token.
struct TokenRecord {
    ApiToken token;
    std::string hash; ///< sha256_hex of the secret, which has 256 random bits
};

/// The API tokens of the site, those that hold no more included, for as long as they are kept.
class ApiTokens {
  public:
    static constexpr std::size_t kMostActive = 1000; ///< of one tenant, and of all that belong to none
    static constexpr Duration kKept = std::chrono::hours(30 * 24); ///< after its end

    /// One that an earlier manager made.
    void add(TokenRecord record);

    struct Made {
        TokenRecord record;
        std::string secret;
    };
    /// Throws Error quota where there are too many.
    Made make(NewToken asked, WallTime now);
    void remove(const std::string& id) { records_.erase(id); }

    /// The token with this secret, whatever its state, or null. All are compared, each in constant time, so
    /// that the time tells nothing of which one fits.
    const TokenRecord* of_secret(const std::string& secret) const;
    const TokenRecord* find(const std::string& id) const;
    std::vector<ApiToken> list() const;

    /// True where the record changed: a minute is as exact as it gets.
    bool note_use(const std::string& id, WallTime now);

    /// It, and all that were made with it. Returns what changed.
    std::vector<TokenRecord> revoke(const std::string& id, WallTime now);

    /// Drops those that ended long ago. Returns their ids.
    std::vector<std::string> forget_old(WallTime now);

  private:
    std::map<std::string, TokenRecord> records_;
};

} // namespace sandbox::manager
