#include "launcher/inspect/proc_dir.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <memory>
#include <sstream>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::size_t kMost = 256 * 1024; ///< bytes of a file

} // namespace

std::optional<ProcDir> ProcDir::open(pid_t pid) {
    return open_at(AT_FDCWD, "/proc/" + std::to_string(pid));
}

std::optional<ProcDir> ProcDir::open_at(int proc_fd, const std::string& name) {
    UniqueFd fd(::openat(proc_fd, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd)
        return std::nullopt;
    return ProcDir(std::move(fd));
}

std::string ProcDir::read(const std::string& file) const {
    const UniqueFd fd(::openat(fd_.get(), file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    std::string text;
    std::array<char, 16384> part{};
    while (fd && text.size() < kMost) {
        const ssize_t size = ::read(fd.get(), part.data(), part.size());
        if (size <= 0)
            break;
        text.append(part.data(), static_cast<std::size_t>(size));
    }
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string ProcDir::link(const std::string& name) const {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = ::readlinkat(fd_.get(), name.c_str(), text.data(), text.size());
    return {text.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string ProcDir::status(const std::string& field) const {
    if (status_.empty())
        status_ = read("status");
    for (const std::string& line : lines_of(status_, 100))
        if (line.starts_with(field + ":"))
            return one_spaced(line.substr(field.size() + 1));
    return {};
}

std::vector<std::string> lines_of(const std::string& text, std::size_t most) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; lines.size() < most && std::getline(stream, line);)
        lines.push_back(std::move(line));
    return lines;
}

std::string one_spaced(const std::string& text) {
    std::istringstream words(text);
    std::string all;
    for (std::string word; words >> word;)
        all += (all.empty() ? "" : " ") + word;
    return all;
}

std::vector<int> numbered_entries(int dir_fd, const char* path, std::size_t most) {
    UniqueFd fd(::openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(fd ? ::fdopendir(fd.get()) : nullptr, &::closedir);
    std::vector<int> numbers;
    if (!folder)
        return numbers;
    static_cast<void>(fd.release()); // closedir closes it
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        int number = 0;
        const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (ec == std::errc{} && end == name.data() + name.size() && numbers.size() < most)
            numbers.push_back(number);
    }
    std::ranges::sort(numbers);
    return numbers;
}

} // namespace sandbox::launcher
