#include "sandbox/kernel/cgroup.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <memory>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

std::uint64_t to_u64(std::string_view text, const std::string& where) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    if (const auto [rest, ec] = std::from_chars(text.data(), end, number); ec != std::errc{} || rest != end)
        throw Error(Errc::io, where + " holds \"" + std::string(text) + "\" in place of a number");
    return number;
}

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> found;
    for (std::string word; stream >> word;)
        found.push_back(word);
    return found;
}

} // namespace

CgroupDir CgroupDir::open(const std::string& path) {
    UniqueFd fd = open_fd(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct statfs status {};
    if (::fstatfs(fd.get(), &status) != 0)
        throw_errno("cannot look at " + path);
    if (status.f_type != CGROUP2_SUPER_MAGIC)
        throw Error(
            Errc::unsupported, path + " is not on a cgroup v2 file system",
            "boot with systemd.unified_cgroup_hierarchy=1, or name the cgroup2 mount in sandboxd.toml",
            "cgroup_mount");
    return {std::move(fd), path};
}

CgroupDir::CgroupDir(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

CgroupDir CgroupDir::create_child(const std::string& name) const {
    if (::mkdirat(fd(), name.c_str(), 0755) != 0) {
        if (errno == EEXIST)
            throw Error(Errc::conflict, "the cgroup " + path_ + "/" + name + " exists already",
                        "start sandbox-launcher anew: it sweeps what no session owns");
        throw_errno("cannot make the cgroup " + path_ + "/" + name);
    }
    return open_child(name);
}

CgroupDir CgroupDir::open_child(const std::string& name) const {
    UniqueFd child(::openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child)
        throw_errno("cannot open the cgroup " + path_ + "/" + name);
    return {std::move(child), path_ + "/" + name};
}

bool CgroupDir::has_child(const std::string& name) const {
    struct stat status {};
    return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

std::vector<std::string> CgroupDir::children() const {
    UniqueFd copy = open_fd_at(fd(), ".", O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(copy.get()), &::closedir);
    if (!folder)
        throw_errno("cannot list the cgroup " + path_);
    static_cast<void>(copy.release()); // the DIR owns it now
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder.get()))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    std::ranges::sort(names);
    return names;
}

bool CgroupDir::remove_child(const std::string& name) const {
    if (!has_child(name))
        return true;
    {
        const CgroupDir child = open_child(name);
        for (const std::string& below : child.children())
            if (!child.remove_child(below))
                return false;
    }
    if (::unlinkat(fd(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    if (errno == EBUSY)
        return false;
    throw_errno("cannot remove the cgroup " + path_ + "/" + name);
}

bool CgroupDir::has_file(const char* name) const {
    return ::faccessat(fd(), name, F_OK, 0) == 0;
}

std::string CgroupDir::read(const char* name) const {
    const UniqueFd file = open_file(name, O_RDONLY);
    std::string text;
    char buffer[4096];
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
        if (count < 0)
            throw_errno("cannot read " + path_ + "/" + name);
        if (count == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(count));
    }
}

void CgroupDir::write(const char* name, std::string_view value) const {
    const UniqueFd file = open_file(name, O_WRONLY);
    // One write(2): the kernel takes each as a whole.
    if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        throw_errno("cannot write \"" + std::string(value) + "\" to " + path_ + "/" + name);
}

UniqueFd CgroupDir::open_file(const char* name, int flags) const {
    UniqueFd file(::openat(fd(), name, flags | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        throw_errno("cannot open " + path_ + "/" + name);
    return file;
}

std::optional<std::uint64_t> CgroupDir::read_u64(const char* name) const {
    std::string text = read(name);
    while (text.ends_with('\n'))
        text.pop_back();
    if (text == "max")
        return std::nullopt;
    return to_u64(text, path_ + "/" + name);
}

std::map<std::string, std::uint64_t> CgroupDir::read_keyed(const char* name) const {
    std::istringstream stream(read(name));
    std::map<std::string, std::uint64_t> values;
    for (std::string key, value; stream >> key >> value;)
        values[key] = to_u64(value, path_ + "/" + name);
    return values;
}

std::vector<std::string> CgroupDir::controllers() const {
    return words(read(cgroup_file::kControllers));
}

void CgroupDir::enable_controllers(const std::vector<std::string>& names) const {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "+" : " +") + name;
    if (!text.empty())
        write(cgroup_file::kSubtreeControl, text);
}

std::vector<pid_t> CgroupDir::processes() const {
    std::vector<pid_t> pids;
    for (const std::string& word : words(read(cgroup_file::kProcs)))
        pids.push_back(static_cast<pid_t>(to_u64(word, path_ + "/" + cgroup_file::kProcs)));
    return pids;
}

void CgroupDir::add_process(pid_t pid) const {
    write(cgroup_file::kProcs, std::to_string(pid));
}

bool CgroupDir::populated() const {
    return read_keyed(cgroup_file::kEvents)["populated"] != 0;
}

void CgroupDir::kill() const {
    write(cgroup_file::kKill, "1");
}

void CgroupDir::freeze(bool frozen) const {
    write(cgroup_file::kFreeze, frozen ? "1" : "0");
}

bool CgroupDir::wait_unpopulated(Duration timeout) const {
    const auto deadline = BootClock::now() + timeout;
    const UniqueFd events = open_file(cgroup_file::kEvents, O_RDONLY);
    for (;;) {
        // Read from the descriptor that is polled: that read is what arms the next event (kernfs_notify).
        char text[256];
        const ssize_t count = ::pread(events.get(), text, sizeof text - 1, 0);
        if (count < 0)
            throw_errno("cannot read " + path_ + "/" + cgroup_file::kEvents);
        if (std::string_view(text, static_cast<std::size_t>(count)).find("populated 0") !=
            std::string_view::npos)
            return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - BootClock::now()).count();
        if (left <= 0)
            return false;
        pollfd entry{events.get(), POLLPRI, 0};
        if (::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0 && errno != EINTR)
            throw_errno("poll");
    }
}

std::string cpu_max_text(std::optional<double> cpus) {
    constexpr int kPeriod = 100'000; // microseconds, the kernel's own default
    if (!cpus)
        return "max " + std::to_string(kPeriod);
    // Below 1 ms the kernel refuses the quota.
    const auto quota = std::max<std::int64_t>(1000, std::llround(*cpus * kPeriod));
    return std::to_string(quota) + " " + std::to_string(kPeriod);
}

} // namespace sandbox::kernel
