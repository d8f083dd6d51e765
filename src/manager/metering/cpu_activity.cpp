#include "manager/metering/cpu_activity.hpp"

namespace sandbox::manager {

bool CpuActivity::note(std::chrono::microseconds used, BootClock::time_point now, double threshold) {
    if (since_ && now - *since_ < kWindow)
        return false;
    const bool works = since_ && std::chrono::duration<double>(used - used_) >=
                                     threshold * std::chrono::duration<double>(now - *since_);
    since_ = now;
    used_ = used;
    return works;
}

} // namespace sandbox::manager
