#pragma once

#include "manager/store/session_store.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sandbox::manager {

/// What waits to be written to the store. The newest word on each session, token and account counts.
class WriteQueue {
  public:
    void put(SessionRecord record, std::optional<DayUsage> account);
    void forget(std::string session);
    /// None: the token is to be forgotten.
    void put_token(std::string id, std::optional<TokenRecord> record);
    void forget_usage_before(std::string day) { forget_usage_before_ = std::move(day); }

    bool empty() const;
    StoreBatch take();
    /// It could not be written: what came meanwhile is newer.
    void give_back(StoreBatch batch);

  private:
    using Usage = std::map<std::pair<std::string, std::string>, DayUsage>; ///< by tenant and day

    static Usage::key_type key_of(const DayUsage& account) { return {account.tenant, account.day}; }

    std::map<std::string, SessionRecord> put_;
    std::set<std::string> forget_;
    std::map<std::string, std::optional<TokenRecord>> tokens_;
    Usage usage_;
    std::string forget_usage_before_;
};

} // namespace sandbox::manager
