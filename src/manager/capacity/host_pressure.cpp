#include "manager/capacity/host_pressure.hpp"

#include "sandbox/base/log.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <sys/statvfs.h>

namespace sandbox::manager {
namespace {

namespace fs = std::filesystem;

/// The word after `label` in a file; files of /proc have no size, so they are read to their end.
std::optional<std::string> word_after(const std::string& path, const std::string& label) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(label))
            continue;
        std::istringstream rest(line.substr(label.size()));
        std::string word;
        if (rest >> word)
            return word;
    }
    return std::nullopt;
}

template <typename Number>
std::optional<Number> to_number(const std::optional<std::string>& text) {
    Number number{};
    if (!text)
        return std::nullopt;
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

std::optional<Bytes> meminfo(const std::string& proc, const std::string& label) {
    const auto kib = to_number<std::uint64_t>(word_after(proc + "/meminfo", label));
    return kib ? std::optional(Bytes{*kib * 1024}) : std::nullopt;
}

/// The kernel's PSI page: `full avg10=0.12 avg60=…`, in percent (Documentation/accounting/psi.rst).
std::optional<double> full_avg10(const std::string& file) {
    return to_number<double>(word_after(file, "full avg10="));
}

std::optional<Bytes> free_disk(const std::string& folder) {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0)
        return std::nullopt;
    return Bytes{status.f_bavail * status.f_frsize};
}

std::optional<std::uint64_t> own_descriptors_free(const std::string& proc) {
    const auto limit = to_number<std::uint64_t>(word_after(proc + "/self/limits", "Max open files"));
    std::error_code error;
    std::uint64_t open = 0;
    for (fs::directory_iterator entry(proc + "/self/fd", error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        ++open;
    if (!limit || error)
        return std::nullopt;
    return *limit - std::min(open, *limit);
}

/// /proc/sys/fs/file-nr: allocated, 0, most (proc_sys_fs(5)).
std::optional<std::uint64_t> host_descriptors_free(const std::string& proc) {
    std::ifstream file(proc + "/sys/fs/file-nr");
    std::uint64_t allocated = 0, unused = 0, most = 0;
    if (!(file >> allocated >> unused >> most))
        return std::nullopt;
    return most - std::min(allocated, most);
}

enum class Closed { below, above };

template <typename Limit, typename Value, typename Number>
Gate gate(const char* name, const char* unit, Closed closed, const std::optional<Limit>& limit,
          const std::optional<Value>& value, Number number) {
    Gate result{.name = name, .unit = unit, .on = false, .open = true, .value = {}, .limit = {}, .note = {}};
    result.value_below_limit = closed == Closed::below;
    if (value)
        result.value = number(*value);
    if (!limit) {
        result.note = "the site has turned it off";
        return result;
    }
    result.limit = number(*limit);
    if (!value) {
        result.note = "this host does not tell it";
        return result;
    }
    result.on = true;
    result.open = closed == Closed::below ? *result.value >= *result.limit : *result.value <= *result.limit;
    return result;
}

} // namespace

PressureReadings read_pressure(const std::string& proc, const std::string& folder) {
    PressureReadings readings;
    readings.memory_total = meminfo(proc, "MemTotal:");
    readings.memory_available = meminfo(proc, "MemAvailable:");
    readings.memory_full = full_avg10(proc + "/pressure/memory");
    readings.io_full = full_avg10(proc + "/pressure/io");
    readings.disk_free = free_disk(folder);
    readings.descriptors_free = own_descriptors_free(proc);
    if (const auto host = host_descriptors_free(proc); host && readings.descriptors_free)
        readings.descriptors_free = std::min(*readings.descriptors_free, *host);
    return readings;
}

std::vector<Gate> judge_gates(const policy::SiteAdmission& limits, const PressureReadings& readings) {
    const auto bytes = [](Bytes size) { return static_cast<double>(size.value); };
    const auto percent = [](double share) { return share; };
    const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
    return {gate("memory_available", "bytes", Closed::below, limits.memory_available_min,
                 readings.memory_available, bytes),
            gate("memory_pressure", "percent", Closed::above, limits.memory_pressure_max,
                 readings.memory_full, percent),
            gate("io_pressure", "percent", Closed::above, limits.io_pressure_max, readings.io_full, percent),
            gate("disk_free", "bytes", Closed::below, limits.disk_free_min, readings.disk_free, bytes),
            gate("descriptors_free", "descriptors", Closed::below, limits.descriptors_free_min,
                 readings.descriptors_free, count)};
}

const Gate* closed_gate(const std::vector<Gate>& gates) {
    const auto closed = std::ranges::find(gates, false, &Gate::open);
    return closed == gates.end() ? nullptr : &*closed;
}

PressureGates::PressureGates(const policy::Site& site, std::string proc, Duration age)
    : limits_(site.admission),
      proc_(std::move(proc)),
      folder_(site.state_dir),
      age_(age) {
    host_memory_ = read_pressure(proc_, folder_).memory_total;
    warn_of_those_off();
}

void PressureGates::set_limits(const policy::SiteAdmission& limits) {
    limits_ = limits;
    read_at_.reset();
    warn_of_those_off();
}

void PressureGates::warn_of_those_off() {
    for (const Gate& gate : gates()) {
        if (!gate.on && gate.limit)
            log::warning("admission: the gate " + gate.name + " is off: " + gate.note);
    }
}

const std::vector<Gate>& PressureGates::gates() {
    const auto now = BootClock::now();
    if (!read_at_ || now - *read_at_ > age_) {
        gates_ = judge_gates(limits_, read_pressure(proc_, folder_));
        read_at_ = now;
    }
    return gates_;
}

} // namespace sandbox::manager
