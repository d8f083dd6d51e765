#include "manager/session/registry.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <utility>

namespace sandbox::manager {

void Registry::add(SessionPtr session) {
    if (!session->token_hash.empty())
        id_of_hash_[session->token_hash] = session->id();
    const std::uint64_t number = ++last_number_;
    number_of_[session->id()] = number;
    in_order_.emplace(number, std::move(session));
}

std::vector<std::string> Registry::retire(const SessionPtr& session, SessionView last_view) {
    const auto number = number_of_.find(session->id());
    if (number == number_of_.end())
        throw Error(Errc::internal, "session " + session->id() + " ended twice");
    in_order_.erase(number->second);
    number_of_.erase(number);
    if (session->kind() == Kind::probe) {
        id_of_hash_.erase(session->token_hash);
        return {};
    }
    return keep_ended(std::move(last_view), session->token_hash, BootClock::now());
}

std::vector<std::string> Registry::add_ended(SessionView view, std::string token_hash) {
    view.health.status = "ended"; // it is not stored
    if (!token_hash.empty())
        id_of_hash_[token_hash] = view.id;
    const auto ago = std::max(std::chrono::system_clock::now() - view.end->at, WallTime::duration::zero());
    return keep_ended(std::move(view), std::move(token_hash), BootClock::now() - ago);
}

std::vector<std::string> Registry::keep_ended(SessionView view, std::string token_hash,
                                              BootClock::time_point at) {
    ended_number_of_[view.id] = forgotten_ + ended_.size();
    ended_.push_back({std::move(view), std::move(token_hash), at});
    return forget_old();
}

std::vector<std::string> Registry::forget_old() {
    std::vector<std::string> ids;
    while (!ended_.empty() && (ended_.size() > kept_ || !is_current(ended_.front()))) {
        ids.push_back(ended_.front().view.id);
        ended_number_of_.erase(ended_.front().view.id);
        id_of_hash_.erase(ended_.front().token_hash);
        ended_.pop_front();
        ++forgotten_;
    }
    return ids;
}

SessionPtr Registry::live(const std::string& id) const {
    const auto number = number_of_.find(id);
    return number == number_of_.end() ? nullptr : in_order_.at(number->second);
}

SessionPtr Registry::visible(const std::string& id) const {
    SessionPtr session = live(id);
    if (session && session->kind() == Kind::tenant)
        return session;
    if (const SessionView* view = ended(id)) {
        throw Error(Errc::gone,
                    "session " + id + " has ended (" + std::string(to_text(view->end->reason)) +
                        "): " + view->end->message,
                    "Make a new session.");
    }
    throw Error(Errc::not_found, "no session " + id, "List the sessions to see which there are.");
}

const SessionView* Registry::ended(const std::string& id) const {
    const auto number = ended_number_of_.find(id);
    if (number == ended_number_of_.end())
        return nullptr;
    const Ended& found = ended_.at(number->second - forgotten_);
    return is_current(found) ? &found.view : nullptr;
}

std::vector<const SessionView*> Registry::all_ended() const {
    std::vector<const SessionView*> views;
    for (const Ended& one : ended_) {
        if (is_current(one))
            views.push_back(&one.view);
    }
    return views;
}

std::size_t Registry::live_count_of_tenant(const std::string& tenant) const {
    return static_cast<std::size_t>(std::ranges::count_if(in_order_, [&](const auto& entry) {
        return entry.second->kind() == Kind::tenant && entry.second->facts.tenant == tenant;
    }));
}

std::string Registry::token_hash(const std::string& id) const {
    if (const SessionPtr session = live(id))
        return session->token_hash;
    const auto number = ended_number_of_.find(id);
    return number == ended_number_of_.end() ? std::string()
                                            : ended_.at(number->second - forgotten_).token_hash;
}

std::optional<std::string> Registry::id_of_token_hash(const std::string& hash) const {
    const auto found = id_of_hash_.find(hash);
    return found == id_of_hash_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace sandbox::manager
