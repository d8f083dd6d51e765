#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/manager/stats.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandbox::manager {

/// The files of one session's group that are read all the time: opened once, then read from their beginning
/// without a look at any path. Nothing here allocates but the opening.
class CgroupReader {
  public:
    static constexpr std::size_t kCount = 11;

    /// What is not there, or cannot be opened now, stays absent.
    explicit CgroupReader(const kernel::CgroupDir& group);

    Sample read() const;

  private:
    std::array<UniqueFd, kCount> files_;
};

// What the kernel writes into them. Nothing for what is no such text.

/// "123\n"; "max" is nothing.
std::optional<std::uint64_t> number_of(std::string_view text);
/// The number of one of the lines "key 123" of memory.stat and its like.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key);
/// "8:0 rbytes=1 wbytes=2 …", a line a device: of all devices together. 0 where there is no line.
std::uint64_t sum_of(std::string_view text, std::string_view key);
/// "some avg10=1.50 avg60=…": the percentage of that line ("some", "full").
std::optional<double> avg10_of(std::string_view text, std::string_view line);

} // namespace sandbox::manager
