#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/pressure_view.hpp"
#include "sandbox/policy/site.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// What the host says of its load. Nothing where it does not say: a kernel without PSI, a file that this
/// program may not read.
struct PressureReadings {
    std::optional<Bytes> memory_total, memory_available; ///< /proc/meminfo (proc_meminfo(5))
    std::optional<double> memory_full, io_full;          ///< percent, "full avg10" of /proc/pressure
    std::optional<Bytes> disk_free;                      ///< f_bavail of statvfs(3)
    std::optional<std::uint64_t> descriptors_free;       ///< of this process, or of the host if that is less
};

/// `proc` stands for /proc; `folder` names the file system.
PressureReadings read_pressure(const std::string& proc, const std::string& folder);

/// One gate for each measure, in a fixed order. Pure. A gate that the site wants and the host cannot measure
/// is off, and its note says so.
std::vector<Gate> judge_gates(const policy::SiteAdmission& limits, const PressureReadings& readings);

/// The first that is closed; null: none is.
const Gate* closed_gate(const std::vector<Gate>& gates);

/// The gates of this host, read again when the last reading is older than `age`.
class PressureGates {
  public:
    PressureGates(const policy::Site& site, std::string proc, Duration age);

    const std::vector<Gate>& gates();
    void set_limits(const policy::SiteAdmission& limits);
    std::optional<Bytes> host_memory() const { return host_memory_; }

  private:
    void warn_of_those_off();

    policy::SiteAdmission limits_;
    const std::string proc_, folder_;
    const Duration age_;
    std::optional<Bytes> host_memory_;
    std::vector<Gate> gates_;
    std::optional<BootClock::time_point> read_at_;
};

} // namespace sandbox::manager
