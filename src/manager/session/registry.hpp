#pragma once

#include "manager/session/session.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace sandbox::manager {

/// All sessions that live, and those that have ended for as long as they are kept.
class Registry {
  public:
    explicit Registry(const Tuning& tuning) : kept_(tuning.ended_kept), age_(tuning.ended_age) {}

    void add(SessionPtr session);
    /// Keeps the last view of a session that has ended in its place; of kind probe, nothing. Returns the ids
    /// of those that are no longer kept, for which there is no room or which are too old.
    std::vector<std::string> retire(const SessionPtr& session, SessionView last_view);
    /// One that an earlier manager saw end. In the order of their ends, before any session ends here.
    std::vector<std::string> add_ended(SessionView view, std::string token_hash);

    /// null: no such live session.
    SessionPtr live(const std::string& id) const;
    /// The live session that tenants may see. Throws Error gone for one that has ended, not_found for none.
    SessionPtr visible(const std::string& id) const;
    const SessionView* ended(const std::string& id) const;

    /// Live ones in the order of their making.
    const std::map<std::uint64_t, SessionPtr>& all_live() const { return in_order_; }
    std::vector<const SessionView*> all_ended() const;
    std::size_t live_count_of_tenant(const std::string& tenant) const;

    /// The hash that the session's token has; empty for none.
    std::string token_hash(const std::string& id) const;
    std::optional<std::string> id_of_token_hash(const std::string& hash) const;

  private:
    struct Ended {
        SessionView view;
        std::string token_hash;
        BootClock::time_point at;
    };
    std::vector<std::string> keep_ended(SessionView view, std::string token_hash, BootClock::time_point at);
    std::vector<std::string> forget_old();
    bool is_current(const Ended& ended) const { return BootClock::now() - ended.at <= age_; }

    const std::size_t kept_;
    const Duration age_;
    std::uint64_t last_number_ = 0;
    std::map<std::uint64_t, SessionPtr> in_order_;
    std::unordered_map<std::string, std::uint64_t> number_of_;
    std::deque<Ended> ended_; ///< in the order of their ends
    std::uint64_t forgotten_ = 0;
    std::unordered_map<std::string, std::uint64_t> ended_number_of_; ///< index in ended_ + forgotten_
    std::unordered_map<std::string, std::string> id_of_hash_;
};

} // namespace sandbox::manager
