#include "manager/capacity/slot_allocator.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <numeric>
#include <string>

namespace sandbox::manager {

SlotAllocator::SlotAllocator(std::uint32_t count) : free_(count), taken_(count, false) {
    std::iota(free_.begin(), free_.end(), 0U);
}

std::optional<std::uint32_t> SlotAllocator::take() {
    if (free_.empty())
        return std::nullopt;
    const std::uint32_t slot = free_.front();
    free_.pop_front();
    taken_[slot] = true;
    return slot;
}

bool SlotAllocator::take(std::uint32_t slot) {
    const auto found = std::ranges::find(free_, slot);
    if (found == free_.end())
        return false;
    free_.erase(found);
    taken_[slot] = true;
    return true;
}

void SlotAllocator::give_back(std::uint32_t slot) {
    if (slot >= taken_.size() || !taken_[slot])
        throw Error(Errc::internal, "slot " + std::to_string(slot) + " was given back but not taken");
    taken_[slot] = false;
    free_.push_back(slot);
}

} // namespace sandbox::manager
