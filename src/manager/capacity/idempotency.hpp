#pragma once

#include "manager/model/idempotency_key.hpp"
#include "sandbox/manager/requests.hpp"

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

namespace sandbox::manager {

IdempotencyMark mark_of(const IdempotencyKey& repeat);

/// Which session was made under which Idempotency-Key. A key lives as long as its session is known: while it
/// lives, and as long as ended ones are kept. That of a session of which nothing was made (queue_timeout,
/// launch_failed) is free again.
///
/// The answer to a repeated create has the session's token, of which only the hash is kept. So the token of a
/// session with a key is derived from its id and a secret of the site's manager: no plain token is kept
/// anywhere, and the answer is the same after a restart.
class IdempotencyKeys {
  public:
    explicit IdempotencyKeys(std::string secret);

    /// The session that the key stands for. Throws Error conflict where it stands for another request.
    std::optional<std::string> find(const IdempotencyKey& repeat) const;
    /// `is_known` tells whether a session is; keys of others are dropped now and then.
    void note(const IdempotencyMark& mark, const std::string& session,
              const std::function<bool(const std::string&)>& is_known);

    std::string token_of(const std::string& session) const;

    std::size_t size() const { return sessions_.size(); }

  private:
    struct Made {
        std::string fingerprint, session;
    };
    const std::string secret_;
    std::unordered_map<std::string, Made> sessions_; ///< by a hash of caller and key
    std::size_t sweep_at_;
};

} // namespace sandbox::manager
