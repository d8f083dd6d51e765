#include "sandbox/base/metric.hpp"

#include <algorithm>
#include <numeric>

namespace sandbox::metric {

void Histogram::observe(double value) {
    const auto bound = std::ranges::lower_bound(bounds_, value);
    ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
    sum_ += value;
}

std::uint64_t Histogram::count() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

} // namespace sandbox::metric
