// Measures starts and stops of a no-op in sandboxes: by the launcher, and by what others do. tools/bench runs
// it.
#include "contender.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <unistd.h>

namespace sandbox::bench {
namespace {

struct Options {
    OurRequest ours;
    Paths paths;
    unsigned rounds = 200;
    unsigned warm_up = 5;
    unsigned pause_milliseconds = 20;
    std::vector<std::string> only;
    bool json = false;
};

struct Samples {
    std::vector<double> milliseconds;

    void add(Nanoseconds time) { milliseconds.push_back(static_cast<double>(time.count()) / 1e6); }
    /// The smallest value that so much of all are not above.
    double quantile(double part) const {
        std::vector<double> sorted = milliseconds;
        std::sort(sorted.begin(), sorted.end());
        const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
        return sorted.at(std::max<std::size_t>(rank, 1) - 1);
    }
    nlohmann::ordered_json json() const {
        return {{"min", quantile(0)}, {"p50", quantile(0.5)}, {"p99", quantile(0.99)}};
    }
};

struct Measured {
    Samples launch, stop;
};

std::string first_line_after(const std::string& path, const std::string& key) {
    const std::string text = read_file(path);
    const std::size_t at = text.find(key);
    if (at == std::string::npos)
        return "unknown";
    const std::size_t colon = text.find(':', at) + 2;
    return text.substr(colon, text.find('\n', colon) - colon);
}

std::string load_average() {
    const std::string text = read_file("/proc/loadavg");
    return text.substr(0, text.find(' ', text.find(' ', text.find(' ') + 1) + 1));
}

nlohmann::ordered_json machine() {
    utsname names{};
    ::uname(&names);
    return {{"kernel", std::string(names.release) + " " + names.machine},
            {"cpu", first_line_after("/proc/cpuinfo", "model name")},
            {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
            {"load_before", load_average()}};
}

/// Round by round, and each round begins with another one: what the machine does meanwhile, and what one
/// leaves to the kernel to take down, hits all alike.
std::vector<Measured> measure(const std::vector<Contender>& contenders, const Options& options) {
    std::vector<Measured> measured(contenders.size());
    const std::chrono::milliseconds pause(options.pause_milliseconds);
    for (unsigned round = 0; round < options.warm_up + options.rounds; ++round)
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            const std::size_t turn = (round + i) % contenders.size();
            std::this_thread::sleep_for(pause);
            const Nanoseconds launch = contenders[turn].launch();
            std::this_thread::sleep_for(pause);
            const Nanoseconds stop = contenders[turn].stop();
            if (round < options.warm_up)
                continue;
            measured[turn].launch.add(launch);
            measured[turn].stop.add(stop);
        }
    return measured;
}

struct StepTime {
    std::string name;
    Samples took;
};

/// The timeline says when each step was done; a step takes from the end of the one before.
std::vector<StepTime> step_times(const std::vector<std::vector<protocol::TimelineEntry>>& timelines,
                                 std::size_t warm_up) {
    std::vector<StepTime> steps;
    for (std::size_t i = warm_up; i < timelines.size(); ++i) {
        std::vector<protocol::TimelineEntry> entries = timelines[i];
        std::stable_sort(entries.begin(), entries.end(),
                         [](const auto& a, const auto& b) { return a.microseconds < b.microseconds; });
        std::uint64_t before = 0;
        for (const protocol::TimelineEntry& entry : entries) {
            auto step = std::find_if(steps.begin(), steps.end(),
                                     [&](const StepTime& known) { return known.name == entry.step; });
            if (step == steps.end())
                step = steps.insert(steps.end(), StepTime{entry.step, {}});
            step->took.add(std::chrono::microseconds(entry.microseconds - before));
            before = entry.microseconds;
        }
    }
    return steps;
}

void print_text(const nlohmann::ordered_json& report) {
    const auto& host = report["machine"];
    std::printf("%s, %s, %d CPUs; load average %s before, %s after\n",
                host["kernel"].get<std::string>().c_str(), host["cpu"].get<std::string>().c_str(),
                host["cpus"].get<int>(), host["load_before"].get<std::string>().c_str(),
                host["load_after"].get<std::string>().c_str());
    std::printf("%u rounds, %u ms between measurements\n", report["rounds"].get<unsigned>(),
                report["pause_milliseconds"].get<unsigned>());
    for (const auto& entry : report["contenders"])
        std::printf("  %-7s %s\n", entry["name"].get<std::string>().c_str(),
                    entry["how"].get<std::string>().c_str());
    std::printf("\n%-8s %26s   %26s\n%-8s %8s %8s %8s   %8s %8s %8s\n", "ms", "launch", "stop", "", "min",
                "p50", "p99", "min", "p50", "p99");
    for (const auto& entry : report["contenders"]) {
        std::printf("%-8s", entry["name"].get<std::string>().c_str());
        for (const char* what : {"launch", "stop"}) {
            for (const char* figure : {"min", "p50", "p99"})
                std::printf(" %8.2f", entry[what][figure].get<double>());
            std::printf("  ");
        }
        std::printf("\n");
    }
    if (report["steps"].empty())
        return;
    std::printf("\n%-15s %8s %8s %8s   (ours, ms since the step before)\n", "step", "min", "p50", "p99");
    for (const auto& entry : report["steps"])
        std::printf("%-15s %8.3f %8.3f %8.3f\n", entry["name"].get<std::string>().c_str(),
                    entry["min"].get<double>(), entry["p50"].get<double>(), entry["p99"].get<double>());
}

void run(const Options& options) {
    std::vector<std::vector<protocol::TimelineEntry>> timelines;
    std::vector<Contender> contenders;
    const auto wanted = [&](const char* name) {
        return options.only.empty() ||
               std::find(options.only.begin(), options.only.end(), name) != options.only.end();
    };
    if (wanted("ours"))
        contenders.push_back(our_launcher(options.ours, timelines));
    if (wanted("bwrap"))
        contenders.push_back(bubblewrap(options.paths));
    if (wanted("crun"))
        contenders.push_back(crun(options.paths));
    if (wanted("clone3"))
        contenders.push_back(bare_clone(options.paths));

    nlohmann::ordered_json report{{"machine", machine()},
                                  {"rounds", options.rounds},
                                  {"pause_milliseconds", options.pause_milliseconds}};
    const std::vector<Measured> measured = measure(contenders, options);
    report["machine"]["load_after"] = load_average();
    report["contenders"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < contenders.size(); ++i)
        report["contenders"].push_back({{"name", contenders[i].name},
                                        {"how", contenders[i].how},
                                        {"launch", measured[i].launch.json()},
                                        {"stop", measured[i].stop.json()}});
    report["steps"] = nlohmann::ordered_json::array();
    for (const StepTime& step : step_times(timelines, options.warm_up)) {
        nlohmann::ordered_json entry{{"name", step.name}};
        entry.update(step.took.json());
        report["steps"].push_back(std::move(entry));
    }
    if (options.json)
        std::printf("%s\n", report.dump(2).c_str());
    else
        print_text(report);
}

} // namespace
} // namespace sandbox::bench

int main(int argc, char** argv) {
    sandbox::bench::Options options;
    CLI::App app("Times of launches and stops, ours beside others'");
    app.add_option("--socket", options.ours.socket, "of the launcher")->required();
    app.add_option("--policy", options.ours.policy, "whose ChimeraX is the no-op")->required();
    app.add_option("--digest", options.ours.digest, "of that policy")->required();
    app.add_option("--tenant", options.ours.tenant, "that may use it")->required();
    app.add_option("--slots", options.ours.slots, "of the site")->check(CLI::PositiveNumber);
    app.add_option("--noop", options.paths.noop, "the no-op program")->required();
    app.add_option("--bundle", options.paths.bundle, "crun's bundle of it")->required();
    app.add_option("--crun-root", options.paths.crun_root, "folder of crun's states")->required();
    app.add_option("--crun-cgroup-manager", options.paths.crun_cgroup_manager, "cgroupfs or disabled")
        ->required();
    app.add_option("--rounds", options.rounds, "launches and stops of each")->check(CLI::PositiveNumber);
    app.add_option("--pause", options.pause_milliseconds, "milliseconds before each measurement");
    app.add_option("--only", options.only, "ours, bwrap, crun, clone3")->delimiter(',');
    app.add_flag("--json", options.json, "for programs");
    CLI11_PARSE(app, argc, argv);
    try {
        sandbox::bench::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
