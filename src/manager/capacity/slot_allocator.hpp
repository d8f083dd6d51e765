#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace sandbox::manager {

/// Which slots are free. The one that was given back first is taken first, so that what the kernel removes
/// late (a veth dies some time after its namespace) is gone before its slot is used again.
class SlotAllocator {
  public:
    explicit SlotAllocator(std::uint32_t count);

    /// nullopt: none is free.
    std::optional<std::uint32_t> take();
    /// Takes this one. False when it is not free, or no slot of this site.
    bool take(std::uint32_t slot);
    /// Gives back one that was taken; anything else is Error internal.
    void give_back(std::uint32_t slot);

    std::size_t free_count() const { return free_.size(); }

  private:
    std::deque<std::uint32_t> free_;
    std::vector<bool> taken_;
};

} // namespace sandbox::manager
