#include "manager/capacity/idempotency.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <utility>

namespace sandbox::manager {
namespace {

constexpr std::size_t kSweepFrom = 1024;

} // namespace

IdempotencyMark mark_of(const IdempotencyKey& repeat) {
    // No caller's name has a line break.
    return {sha256_hex(repeat.caller + "\n" + repeat.key), repeat.fingerprint};
}

IdempotencyKeys::IdempotencyKeys(std::string secret) : secret_(std::move(secret)), sweep_at_(kSweepFrom) {}

std::optional<std::string> IdempotencyKeys::find(const IdempotencyKey& repeat) const {
    const auto made = sessions_.find(mark_of(repeat).name);
    if (made == sessions_.end())
        return std::nullopt;
    if (made->second.fingerprint != repeat.fingerprint) {
        throw Error(Errc::conflict,
                    "this Idempotency-Key was used for another request, which made session " +
                        made->second.session,
                    "Take a new key for each session, and repeat a request as it was.", "Idempotency-Key");
    }
    return made->second.session;
}

void IdempotencyKeys::note(const IdempotencyMark& mark, const std::string& session,
                           const std::function<bool(const std::string&)>& is_known) {
    sessions_[mark.name] = {mark.fingerprint, session};
    if (sessions_.size() < sweep_at_)
        return;
    std::erase_if(sessions_, [&](const auto& entry) { return !is_known(entry.second.session); });
    sweep_at_ = std::max(kSweepFrom, 2 * sessions_.size());
}

std::string IdempotencyKeys::token_of(const std::string& session) const {
    return derived_token(secret_, session);
}

} // namespace sandbox::manager
