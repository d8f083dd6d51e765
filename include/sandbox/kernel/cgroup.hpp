#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace sandbox::kernel {

/// Names of the kernel's files (cgroup-v2.rst), in one place.
namespace cgroup_file {
inline constexpr const char* kControllers = "cgroup.controllers";
inline constexpr const char* kSubtreeControl = "cgroup.subtree_control";
inline constexpr const char* kProcs = "cgroup.procs";
inline constexpr const char* kEvents = "cgroup.events";
inline constexpr const char* kFreeze = "cgroup.freeze";
inline constexpr const char* kKill = "cgroup.kill";
inline constexpr const char* kMaxDescendants = "cgroup.max.descendants";
inline constexpr const char* kMemoryCurrent = "memory.current";
inline constexpr const char* kMemoryPeak = "memory.peak";
inline constexpr const char* kMemoryMax = "memory.max";
inline constexpr const char* kMemoryHigh = "memory.high";
inline constexpr const char* kMemorySwapCurrent = "memory.swap.current";
inline constexpr const char* kMemorySwapMax = "memory.swap.max";
inline constexpr const char* kMemoryReclaim = "memory.reclaim";
inline constexpr const char* kMemoryOomGroup = "memory.oom.group";
inline constexpr const char* kMemoryEvents = "memory.events";
inline constexpr const char* kMemoryStat = "memory.stat";
inline constexpr const char* kMemoryPressure = "memory.pressure";
inline constexpr const char* kCpuMax = "cpu.max";
inline constexpr const char* kCpuWeight = "cpu.weight";
inline constexpr const char* kCpuStat = "cpu.stat";
inline constexpr const char* kCpuPressure = "cpu.pressure";
inline constexpr const char* kIoPressure = "io.pressure";
inline constexpr const char* kIoStat = "io.stat";
inline constexpr const char* kPidsMax = "pids.max";
inline constexpr const char* kPidsCurrent = "pids.current";
} // namespace cgroup_file

/// One cgroup v2 folder, by descriptor: everything is relative to it, so that a rename or a new group of the
/// same name is never mistaken for it. All failures are Error with the folder's path and file in the text.
class CgroupDir {
  public:
    CgroupDir() = default;
    /// Throws Error not_found when it is not there, unsupported when it is not on cgroup2.
    static CgroupDir open(const std::string& path);
    /// Takes over a descriptor that came from elsewhere; `path` is for messages only.
    CgroupDir(UniqueFd fd, std::string path);

    /// mkdir of a new child. Error conflict when it exists: a leftover is never reused.
    CgroupDir create_child(const std::string& name) const;
    CgroupDir open_child(const std::string& name) const;
    bool has_child(const std::string& name) const;
    std::vector<std::string> children() const;
    /// rmdir of a child and all below it, which must be empty of processes. True when it is gone (also
    /// before).
    bool remove_child(const std::string& name) const;

    int fd() const { return fd_.get(); }
    const std::string& path() const { return path_; }
    explicit operator bool() const { return static_cast<bool>(fd_); }

    bool has_file(const char* name) const;
    std::string read(const char* name) const;
    void write(const char* name, std::string_view value) const;
    /// One number; "max" is nullopt.
    std::optional<std::uint64_t> read_u64(const char* name) const;
    /// `key value` lines: memory.events, cpu.stat, cgroup.events.
    std::map<std::string, std::uint64_t> read_keyed(const char* name) const;
    /// A descriptor of one of its files, for hot reading or poll(2) (POLLPRI on cgroup.events).
    UniqueFd open_file(const char* name, int flags) const;

    std::vector<std::string> controllers() const;
    void enable_controllers(const std::vector<std::string>& names) const;
    /// pids in this group alone, as the reader's pid namespace sees them.
    std::vector<pid_t> processes() const;
    void add_process(pid_t pid) const;

    bool populated() const;
    void kill() const;
    void freeze(bool frozen) const;
    /// Waits by poll(2) on cgroup.events until no process is left in it and below. False at the deadline.
    bool wait_unpopulated(Duration timeout) const;

  private:
    UniqueFd fd_;
    std::string path_;
};

/// cpu.max for a number of CPUs: "50000 100000" for 0.5; "max 100000" for none.
std::string cpu_max_text(std::optional<double> cpus);

} // namespace sandbox::kernel
