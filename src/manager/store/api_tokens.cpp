#include "manager/store/api_tokens.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sandbox::manager {
namespace {

constexpr std::array<std::pair<TokenRole, std::string_view>, 4> kRoles{{{TokenRole::monitor, "monitor"},
                                                                        {TokenRole::session, "session"},
                                                                        {TokenRole::tenant, "tenant"},
                                                                        {TokenRole::admin, "admin"}}};

constexpr std::string_view kPrefix = "tok_"; // no session's id: neither is ever taken for the other

/// What is written of it, and read again, is the same.
WallTime to_milliseconds(WallTime time) {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(time);
}

} // namespace

std::string_view to_text(TokenRole role) {
    return kRoles.at(static_cast<std::size_t>(role)).second;
}

std::string_view to_text(TokenState state) {
    return state == TokenState::active ? "active" : state == TokenState::expired ? "expired" : "revoked";
}

std::optional<TokenRole> token_role_from_text(std::string_view text) {
    for (const auto& [role, name] : kRoles)
        if (name == text)
            return role;
    return std::nullopt;
}

bool is_token_id(std::string_view text) {
    return text.starts_with(kPrefix) && is_session_id(text.substr(kPrefix.size()));
}

void ApiTokens::add(TokenRecord record) {
    std::string id = record.token.id;
    records_.insert_or_assign(std::move(id), std::move(record));
}

ApiTokens::Made ApiTokens::make(NewToken asked, WallTime now) {
    const auto active = std::ranges::count_if(records_, [&](const auto& entry) {
        const ApiToken& token = entry.second.token;
        return token.tenant == asked.tenant && token.state(now) == TokenState::active;
    });
    if (static_cast<std::size_t>(active) >= kMostActive) {
        throw Error(Errc::quota, "there are " + std::to_string(active) + " tokens already",
                    "Revoke those that nobody needs.");
    }
    Made made;
    made.secret = new_token();
    made.record.hash = sha256_hex(made.secret);
    made.record.token = {.id = std::string(kPrefix) + new_session_id(),
                         .role = asked.role,
                         .tenant = std::move(asked.tenant),
                         .session = std::move(asked.session),
                         .name = std::move(asked.name),
                         .made_by = std::move(asked.made_by),
                         .created_at = to_milliseconds(now),
                         .expires_at = to_milliseconds(asked.expires_at),
                         .last_used_at = {},
                         .revoked_at = {}};
    add(made.record);
    return made;
}

const TokenRecord* ApiTokens::of_secret(const std::string& secret) const {
    const std::string hash = sha256_hex(secret);
    const TokenRecord* found = nullptr;
    for (const auto& [id, record] : records_)
        if (equal_constant_time(hash, record.hash))
            found = &record;
    return found;
}

const TokenRecord* ApiTokens::find(const std::string& id) const {
    const auto found = records_.find(id);
    return found == records_.end() ? nullptr : &found->second;
}

std::vector<ApiToken> ApiTokens::list() const {
    std::vector<ApiToken> tokens;
    for (const auto& [id, record] : records_)
        tokens.push_back(record.token);
    std::ranges::stable_sort(tokens, {}, &ApiToken::created_at);
    return tokens;
}

bool ApiTokens::note_use(const std::string& id, WallTime now) {
    const auto found = records_.find(id);
    if (found == records_.end())
        return false;
    auto& last = found->second.token.last_used_at;
    const WallTime minute = std::chrono::floor<std::chrono::minutes>(now);
    if (last == minute)
        return false;
    last = minute;
    return true;
}

std::vector<TokenRecord> ApiTokens::revoke(const std::string& id, WallTime now) {
    std::vector<TokenRecord> changed;
    std::vector<std::string> left{id};
    while (!left.empty()) {
        const std::string next = std::move(left.back());
        left.pop_back();
        const auto found = records_.find(next);
        if (found == records_.end() || found->second.token.revoked_at)
            continue;
        found->second.token.revoked_at = to_milliseconds(now);
        changed.push_back(found->second);
        for (const auto& [other, record] : records_)
            if (record.token.made_by == next)
                left.push_back(other);
    }
    return changed;
}

std::vector<std::string> ApiTokens::forget_old(WallTime now) {
    std::vector<std::string> forgotten;
    std::erase_if(records_, [&](const auto& entry) {
        const ApiToken& token = entry.second.token;
        const bool old =
            now - std::min(token.expires_at, token.revoked_at.value_or(token.expires_at)) > kKept;
        if (old)
            forgotten.push_back(entry.first);
        return old;
    });
    return forgotten;
}

} // namespace sandbox::manager
