#include "manager/metering/usage.hpp"

namespace sandbox::manager {

SessionView::Usage usage_of(const Sample& sample) {
    SessionView::Usage usage;
    usage.memory = sample.memory;
    usage.memory_peak = sample.memory_peak;
    if (sample.cpu)
        usage.cpu_seconds = std::chrono::duration<double>(*sample.cpu).count();
    usage.pids = sample.pids;
    return usage;
}

} // namespace sandbox::manager
