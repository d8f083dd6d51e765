// Measures what it costs to sample the figures of many sessions each second: the manager's own sessions,
// files and sampler, over folders with files as the kernel writes them, or over true groups with a process
// each. tools/bench runs it.
#include "manager/accounting/sampler.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/protocol/message.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
    unsigned sessions = 1000;
    unsigned seconds = 20;
    std::string folder = "/dev/shm"; ///< on a tmpfs: as cheap to read as the kernel's, without its work
    bool true_groups = false;
    bool json = false;
};

constexpr const char* kMemoryStatText = R"(anon 123904000
file 45056000
kernel 4456448
kernel_stack 245760
pagetables 1228800
sec_pagetables 0
percpu 34560
sock 0
vmalloc 0
shmem 8192000
zswap 0
zswapped 0
file_mapped 12288000
file_dirty 0
file_writeback 0
swapcached 0
anon_thp 0
inactive_anon 123904000
active_anon 8192000
inactive_file 24576000
active_file 20480000
unevictable 0
slab_reclaimable 1024000
slab_unreclaimable 512000
slab 1536000
workingset_refault_anon 0
workingset_refault_file 0
pgfault 123456
pgmajfault 12
)";

constexpr const char* kPressure = "some avg10=0.12 avg60=0.05 avg300=0.01 total=123456\n"
                                  "full avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n";

void write_files(const fs::path& folder) {
    using namespace kernel::cgroup_file;
    fs::create_directory(folder);
    const auto write = [&](const char* name, const char* text) { std::ofstream(folder / name) << text; };
    write(kMemoryCurrent, "177209344\n");
    write(kMemoryPeak, "209715200\n");
    write(kMemoryStat, kMemoryStatText);
    write(kMemorySwapCurrent, "0\n");
    write(kMemoryEvents, "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    write(kCpuStat, "usage_usec 12345678\nuser_usec 10000000\nsystem_usec 2345678\nnr_periods 1000\n"
                    "nr_throttled 10\nthrottled_usec 50000\nnr_bursts 0\nburst_usec 0\n");
    write(kPidsCurrent, "17\n");
    write(kIoStat, "8:0 rbytes=1234567 wbytes=7654321 rios=100 wios=200 dbytes=0 dios=0\n");
    for (const char* name : {kMemoryPressure, kCpuPressure, kIoPressure})
        write(name, kPressure);
}

/// What stands for the sessions' groups, and goes with it.
class Groups {
  public:
    explicit Groups(const Options& options) : options_(options) {
        const std::string name = "cxs-bench-" + std::to_string(::getpid());
        if (options.true_groups) {
            root_ = kernel::CgroupDir::open("/sys/fs/cgroup");
            base_ = root_.create_child(name);
        } else {
            folder_ = fs::path(options.folder) / name;
            fs::create_directory(folder_);
        }
    }
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;
    ~Groups() {
        try {
            clean();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "bench: %s\n", error.what());
        }
    }

    UniqueFd make(unsigned number) {
        const std::string name = "s" + std::to_string(number);
        if (!options_.true_groups) {
            write_files(folder_ / name);
            return open_fd((folder_ / name).string(), O_RDONLY | O_DIRECTORY);
        }
        const kernel::CgroupDir group = base_.create_child(name);
        group.add_process(start_process());
        return UniqueFd(::fcntl(group.fd(), F_DUPFD_CLOEXEC, 0));
    }

  private:
    static pid_t start_process() {
        const pid_t pid = ::fork();
        if (pid < 0)
            throw_errno("fork");
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                ::pause();
        }
        return pid;
    }

    void clean() {
        if (!options_.true_groups) {
            fs::remove_all(folder_);
            return;
        }
        base_.kill();
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
        base_.wait_unpopulated(std::chrono::seconds(20));
        root_.remove_child(fs::path(base_.path()).filename());
    }

    const Options options_;
    fs::path folder_;
    kernel::CgroupDir root_, base_;
};

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double resident_megabytes() {
    double size = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

manager::SessionPtr make_session(boost::asio::io_context& io, const manager::Tuning& tuning, UniqueFd group) {
    manager::SessionView facts;
    facts.id = new_session_id();
    facts.tenant = "acme";
    facts.policy = "default";
    auto session = std::make_shared<manager::Session>(io, tuning, manager::Kind::tenant, std::move(facts),
                                                      policy::Policy{}, policy::Overrides{}, "");
    std::vector<UniqueFd> descriptors;
    descriptors.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    descriptors.push_back(std::move(group));
    session->take_launched({}, std::move(descriptors));
    return session;
}

struct Result {
    double cpu_percent = 0, resident = 0, resident_before = 0, longest_milliseconds = 0;
    std::size_t figures = 0; ///< of a session, that this host has
};

std::size_t count_figures(const manager::Sample& sample) {
    return sample.memory.has_value() + sample.memory_peak.has_value() + sample.memory_anon.has_value() +
           sample.memory_swap.has_value() + sample.oom_kills.has_value() + sample.cpu.has_value() +
           sample.pids.has_value() + sample.io_read.has_value() + sample.memory_pressure.has_value() +
           sample.cpu_pressure.has_value() + sample.io_pressure.has_value();
}

Result measure(const Options& options) {
    Result result;
    Groups groups(options);
    boost::asio::io_context io(1);
    const manager::Tuning tuning;
    manager::Registry registry(tuning);
    manager::ManagerMetrics counters;
    result.resident_before = resident_megabytes();
    manager::SessionPtr last;
    for (unsigned i = 0; i < options.sessions; ++i)
        registry.add(last = make_session(io, tuning, groups.make(i)));
    const Duration pause = tuning.sample_interval / manager::kSampleSlices;
    const double cpu_before = cpu_seconds();
    const auto started = Clock::now();
    auto due = started;
    for (unsigned slice = 0; due < started + std::chrono::seconds(options.seconds);
         slice = (slice + 1) % manager::kSampleSlices) {
        const auto begun = Clock::now();
        manager::sample_slice(registry, counters, slice, tuning.sample_interval / 2);
        result.longest_milliseconds =
            std::max(result.longest_milliseconds,
                     std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
        due += pause;
        std::this_thread::sleep_until(due);
    }
    result.cpu_percent =
        100 * (cpu_seconds() - cpu_before) / std::chrono::duration<double>(Clock::now() - started).count();
    result.resident = resident_megabytes();
    result.figures = last ? count_figures(last->figures->newest()) : 0;
    return result;
}

void print(const Options& options, const Result& result) {
    if (options.json) {
        const nlohmann::ordered_json document{{"sessions", options.sessions},
                                              {"true_groups", options.true_groups},
                                              {"files_of_a_session", result.figures},
                                              {"cpu_percent", result.cpu_percent},
                                              {"resident_megabytes", result.resident},
                                              {"resident_without_sessions_megabytes", result.resident_before},
                                              {"longest_slice_milliseconds", result.longest_milliseconds}};
        std::printf("%s\n", document.dump().c_str());
        return;
    }
    std::printf(
        "%u sessions, %zu files of each, %s, each second for %u s\n", options.sessions, result.figures,
        options.true_groups ? "true control groups with a process each" : "in folders", options.seconds);
    std::printf("  CPU            %6.2f %% of a core (goal: under 5)\n", result.cpu_percent);
    std::printf("  resident       %6.1f MB (goal: under 50), %.1f MB without the sessions\n", result.resident,
                result.resident_before);
    std::printf("  longest slice  %6.2f ms, a tenth of the sessions\n", result.longest_milliseconds);
}

} // namespace
} // namespace sandbox::bench

int main(int argc, char** argv) {
    using namespace sandbox::bench;
    Options options;
    CLI::App app("Measures the sampling of many sessions' figures.", "bench_sample");
    app.add_option("--sessions", options.sessions)->check(CLI::Range(1, 10000))->capture_default_str();
    app.add_option("--seconds", options.seconds)->check(CLI::Range(1, 3600))->capture_default_str();
    app.add_option("--folder", options.folder, "For the files that stand for the kernel's");
    app.add_flag("--true-groups", options.true_groups, "Control groups of this kernel in place of folders");
    app.add_flag("--json", options.json);
    CLI11_PARSE(app, argc, argv);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
        print(options, measure(options));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench: %s\n", error.what());
        return 1;
    }
}
