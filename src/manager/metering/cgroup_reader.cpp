#include "manager/metering/cgroup_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <span>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace sandbox::manager {
namespace {

enum File : std::size_t {
    memory_current,
    memory_peak,
    memory_stat,
    memory_swap_current,
    memory_events,
    cpu_stat,
    pids_current,
    io_stat,
    memory_pressure,
    cpu_pressure,
    io_pressure,
};

using namespace kernel::cgroup_file;
constexpr std::array<const char*, CgroupReader::kCount> kNames{
    kMemoryCurrent, kMemoryPeak, kMemoryStat,     kMemorySwapCurrent, kMemoryEvents, kCpuStat,
    kPidsCurrent,   kIoStat,     kMemoryPressure, kCpuPressure,       kIoPressure};

/// Room for the longest of them but for io.stat on a host with hundreds of disks.
using Buffer = std::array<char, 16384>;

/// Nothing for a file that is not open, or whose group is gone (ENODEV).
std::optional<std::string_view> text_of(const UniqueFd& file, Buffer& buffer) {
    if (!file)
        return std::nullopt;
    const ssize_t length = ::pread(file.get(), buffer.data(), buffer.size(), 0);
    if (length < 0)
        return std::nullopt;
    return std::string_view(buffer.data(), static_cast<std::size_t>(length));
}

template <typename Number>
std::optional<Number> leading_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// What follows `start` at the beginning of one of the lines.
std::optional<std::string_view> after(std::string_view text, std::string_view start) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (text.starts_with(start))
            return text.substr(start.size(), end - start.size());
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::nullopt;
}

template <typename To>
std::optional<To> to(const std::optional<std::uint64_t>& number) {
    return number ? std::optional(To{*number}) : std::nullopt;
}

std::optional<std::chrono::microseconds> to_time(const std::optional<std::uint64_t>& number) {
    return number ? std::optional(std::chrono::microseconds(static_cast<std::int64_t>(*number)))
                  : std::nullopt;
}

} // namespace

std::optional<std::uint64_t> number_of(std::string_view text) {
    return leading_number<std::uint64_t>(text);
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
    while (const auto rest = after(text, key)) {
        if (rest->starts_with(' '))
            return leading_number<std::uint64_t>(rest->substr(1));
        // The key is the beginning of another one.
        text.remove_prefix(static_cast<std::size_t>(rest->data() - text.data()));
        text.remove_prefix(std::min(text.find('\n'), text.size()));
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
    }
    return std::nullopt;
}

std::uint64_t sum_of(std::string_view text, std::string_view key) {
    std::uint64_t sum = 0;
    for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        const std::string_view rest = text.substr(at + key.size());
        if (at > 0 && text[at - 1] == ' ' && rest.starts_with('='))
            sum += leading_number<std::uint64_t>(rest.substr(1)).value_or(0);
    }
    return sum;
}

std::optional<double> avg10_of(std::string_view text, std::string_view line) {
    constexpr std::string_view kAverage = " avg10=";
    const auto rest = after(text, line);
    if (!rest || !rest->starts_with(kAverage))
        return std::nullopt;
    return leading_number<double>(rest->substr(kAverage.size()));
}

CgroupReader::CgroupReader(const kernel::CgroupDir& group) {
    for (std::size_t i = 0; i < kCount; ++i)
        files_[i] = UniqueFd(::openat(group.fd(), kNames[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

Sample CgroupReader::read() const {
    Buffer buffer;
    Sample sample;
    const auto number = [&](File file) {
        const auto text = text_of(files_[file], buffer);
        return text ? number_of(*text) : std::nullopt;
    };
    const auto pressure = [&](File file) {
        const auto text = text_of(files_[file], buffer);
        return text ? avg10_of(*text, "some") : std::nullopt;
    };
    sample.memory = to<Bytes>(number(memory_current));
    sample.memory_peak = to<Bytes>(number(memory_peak));
    sample.memory_swap = to<Bytes>(number(memory_swap_current));
    sample.pids = number(pids_current);
    if (const auto text = text_of(files_[memory_stat], buffer)) {
        sample.memory_anon = to<Bytes>(number_of(*text, "anon"));
        sample.memory_file = to<Bytes>(number_of(*text, "file"));
        sample.memory_shmem = to<Bytes>(number_of(*text, "shmem"));
    }
    if (const auto text = text_of(files_[memory_events], buffer))
        sample.oom_kills = number_of(*text, "oom_kill");
    if (const auto text = text_of(files_[cpu_stat], buffer)) {
        sample.cpu = to_time(number_of(*text, "usage_usec"));
        sample.cpu_throttled = to_time(number_of(*text, "throttled_usec"));
        sample.cpu_throttled_periods = number_of(*text, "nr_throttled");
    }
    if (const auto text = text_of(files_[io_stat], buffer)) {
        sample.io_read = Bytes{sum_of(*text, "rbytes")};
        sample.io_written = Bytes{sum_of(*text, "wbytes")};
    }
    sample.memory_pressure = pressure(memory_pressure);
    sample.cpu_pressure = pressure(cpu_pressure);
    sample.io_pressure = pressure(io_pressure);
    return sample;
}

} // namespace sandbox::manager
