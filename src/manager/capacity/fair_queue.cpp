#include "manager/capacity/fair_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sandbox::manager {

void FairQueue::push(Entry entry) {
    auto lane = std::ranges::find(lanes_, entry.tenant, &Lane::tenant);
    if (lane == lanes_.end())
        lane = lanes_.insert(lanes_.end(), Lane{entry.tenant, {}});
    lane->entries.push_back(std::move(entry));
    ++size_;
}

bool FairQueue::remove(const std::string& id) {
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
        const auto entry = std::ranges::find(lane->entries, id, &Entry::id);
        if (entry == lane->entries.end())
            continue;
        lane->entries.erase(entry);
        if (lane->entries.empty())
            lanes_.erase(lane);
        --size_;
        return true;
    }
    return false;
}

std::optional<FairQueue::Entry> FairQueue::take(const std::function<Decision(const Entry&)>& look) {
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
        for (auto entry = lane->entries.begin(); entry != lane->entries.end(); ++entry) {
            const Decision decision = look(*entry);
            if (decision == Decision::stop)
                return std::nullopt;
            if (decision == Decision::pass)
                continue;
            Entry taken = std::move(*entry);
            lane->entries.erase(entry);
            --size_;
            if (lane->entries.empty())
                lanes_.erase(lane);
            else
                lanes_.splice(lanes_.end(), lanes_, lane);
            return taken;
        }
    }
    return std::nullopt;
}

std::size_t FairQueue::size_of(const std::string& tenant) const {
    const auto lane = std::ranges::find(lanes_, tenant, &Lane::tenant);
    return lane == lanes_.end() ? 0 : lane->entries.size();
}

std::vector<SteadyTime> FairQueue::deadlines() const {
    std::vector<SteadyTime> times;
    times.reserve(size_);
    for (const Lane& lane : lanes_) {
        for (const Entry& entry : lane.entries)
            times.push_back(entry.deadline);
    }
    std::ranges::sort(times);
    return times;
}

std::vector<SteadyTime> FairQueue::deadlines_of(const std::string& tenant) const {
    std::vector<SteadyTime> times;
    const auto lane = std::ranges::find(lanes_, tenant, &Lane::tenant);
    if (lane != lanes_.end())
        std::ranges::transform(lane->entries, std::back_inserter(times), &Entry::deadline);
    std::ranges::sort(times);
    return times;
}

} // namespace sandbox::manager
