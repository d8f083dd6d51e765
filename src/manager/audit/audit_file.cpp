#include "manager/audit/audit_file.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/manager/audit.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::manager {

namespace fs = std::filesystem;

std::string to_json_line(const AuditEntry& entry) {
    nlohmann::ordered_json line{{"at", format_time(entry.at)}, {"action", entry.action}};
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            line[name] = value;
    };
    add("actor", entry.actor);
    add("tenant", entry.tenant);
    add("session", entry.session);
    add("request_id", entry.request_id);
    add("outcome", entry.outcome);
    add("detail", entry.detail);
    if (!entry.commands.empty())
        line[entry.commands_hashed ? "command_hashes" : "commands"] = entry.commands;
    if (entry.commands_left_out > 0)
        line["commands_left_out"] = entry.commands_left_out;
    if (entry.took)
        line["took_seconds"] = std::chrono::duration<double>(*entry.took).count();
    return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<std::string> audit_files(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("audit-") && name.ends_with(".jsonl"))
            files.push_back(entry.path());
    }
    std::ranges::sort(files); // their names are times
    if (fs::exists(folder + "/audit.jsonl"))
        files.push_back(folder + "/audit.jsonl");
    return files;
}

AuditFile::AuditFile(std::string folder, Limits limits) : folder_(std::move(folder)), limits_(limits) {
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        throw_errno("cannot make the folder of the audit trail, " + folder_);
    open();
    drop_old();
}

void AuditFile::open() {
    file_ = open_fd(path(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        throw_errno("cannot read the size of " + path());
    size_ = static_cast<std::uint64_t>(status.st_size);
    char last = '\n';
    if (size_ > 0 && ::pread(file_.get(), &last, 1, status.st_size - 1) == 1 && last != '\n') {
        write_all(file_.get(), "\n", path());
        ++size_;
    }
}

void AuditFile::append(const std::string& lines) {
    if (size_ > 0 && size_ + lines.size() > limits_.file_size.value)
        rotate();
    try {
        write_all(file_.get(), lines, path());
        if (::fdatasync(file_.get()) != 0)
            throw_errno("cannot write " + path() + " to the disk");
    } catch (const Error&) {
        // What came of it goes again: half a line would be no line, and a second try would write it twice.
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
            log::error("the end of " + path() + " may be broken");
        throw;
    }
    size_ += lines.size();
}

void AuditFile::rotate() {
    const std::string old =
        folder_ + "/audit-" + format_time_in_name(std::chrono::system_clock::now()) + ".jsonl";
    if (::rename(path().c_str(), old.c_str()) != 0)
        throw_errno("cannot rename " + path());
    open();
    drop_old();
}

void AuditFile::drop_old() const {
    std::uint64_t total = size_;
    std::vector<std::string> files = audit_files(folder_);
    std::ranges::reverse(files);
    for (const std::string& file : files) {
        struct stat status {};
        if (file == path() || ::stat(file.c_str(), &status) != 0)
            continue;
        total += static_cast<std::uint64_t>(status.st_size);
        const auto age =
            std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec);
        if (age <= limits_.age && total <= limits_.total_size.value)
            continue;
        log::info("the audit trail's " + file + " goes, as the site's limits say");
        ::unlink(file.c_str());
    }
}

} // namespace sandbox::manager
