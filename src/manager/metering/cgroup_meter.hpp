#pragma once

#include "manager/metering/cgroup_reader.hpp"
#include "manager/metering/history.hpp"

namespace sandbox::manager {

/// The figures of one sandbox: its group's files, the newest reading of them, and the last hour.
class CgroupMeter {
  public:
    explicit CgroupMeter(const kernel::CgroupDir& group) : files_(group) {}

    /// The newest reading, made now where the last is older than `age`.
    const Sample& sample(BootClock::time_point now, Duration age) {
        if (!read_at_ || now - *read_at_ > age) {
            sample_ = files_.read();
            read_at_ = now;
            history_.note(sample_, now);
        }
        return sample_;
    }

    const std::optional<BootClock::time_point>& read_at() const { return read_at_; }
    const Sample& newest() const { return sample_; }
    const History& history() const { return history_; }

  private:
    CgroupReader files_;
    Sample sample_;
    std::optional<BootClock::time_point> read_at_;
    History history_;
};

} // namespace sandbox::manager
