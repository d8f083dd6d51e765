#pragma once

#include "sandbox/async/notifier.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// Who waits, fair over the tenants: they take turns, and within one tenant the oldest comes first. So a
/// tenant with a thousand entries delays another's first one by one turn. Pure: it has no clock and wakes
/// nobody.
class FairQueue {
  public:
    struct Entry {
        std::string id, tenant;
        SteadyTime deadline = SteadyTime::max();
    };
    /// What becomes of an entry that is looked at.
    enum class Decision {
        take, ///< it leaves the queue, and its tenant goes to the end of the turns
        pass, ///< not now: the next is looked at
        stop, ///< not now, and nobody may overtake it
    };

    void push(Entry entry);
    /// False: it was not there.
    bool remove(const std::string& id);
    /// Looks at the entries in fair order until one is taken. nullopt: none was.
    std::optional<Entry> take(const std::function<Decision(const Entry&)>& look);

    std::size_t size() const { return size_; }
    std::size_t size_of(const std::string& tenant) const;
    /// All deadlines, the nearest first.
    std::vector<SteadyTime> deadlines() const;
    std::vector<SteadyTime> deadlines_of(const std::string& tenant) const;

  private:
    struct Lane {
        std::string tenant;
        std::list<Entry> entries; ///< never empty
    };
    std::list<Lane> lanes_; ///< in the order of their turns
    std::size_t size_ = 0;
};

} // namespace sandbox::manager
