#include "launcher/records/session_dir.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/log.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::array kLogNames{"stdout.0", "stdout.1", "stderr.0", "stderr.1"};

UniqueFd make_folder(const LauncherContext& context, const std::string& path) {
    if (::mkdir(path.c_str(), 0750) != 0) {
        if (errno == EEXIST)
            throw Error(Errc::conflict, "the folder " + path + " is left over from another session",
                        "start sandbox-launcher anew: it sweeps what no session owns");
        throw_errno("cannot make the folder " + path);
    }
    UniqueFd folder = open_fd(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (::fchown(folder.get(), 0, context.manager.gid) != 0 || ::fchmod(folder.get(), 0750) != 0)
        throw_errno("cannot set owner and mode of " + path);
    return folder;
}

UniqueFd make_file(const LauncherContext& context, const UniqueFd& folder, const char* name, int flags) {
    UniqueFd file = open_fd_at(folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | flags, 0640);
    if (::fchown(file.get(), 0, context.manager.gid) != 0 || ::fchmod(file.get(), 0640) != 0)
        throw_errno(std::string("cannot set owner and mode of ") + name);
    return file;
}

/// One of a session's, and so called after it.
void remove_folder(const std::string& path) {
    std::error_code failure;
    std::filesystem::remove_all(path, failure);
    if (failure)
        log::warning({.session = path.substr(path.rfind('/') + 1)},
                     "cannot remove " + path + ": " + failure.message());
}

} // namespace

SessionDir::SessionDir(const LauncherContext& context, const std::string& session) {
    const UniqueFd run = make_folder(context, run_folder(context, session));
    run_ = run_folder(context, session);
    try {
        record_ = make_file(context, run, "record", O_APPEND);
        const UniqueFd logs = make_folder(context, log_folder(context, session));
        logs_dir_ = log_folder(context, session);
        for (std::size_t i = 0; i < kLogNames.size(); ++i)
            logs_[i] = make_file(context, logs, kLogNames[i], 0);
    } catch (...) {
        remove_folder(run_);
        if (!logs_dir_.empty())
            remove_folder(logs_dir_);
        throw;
    }
}

SessionDir::SessionDir(SessionDir&& other) noexcept
    : run_(std::move(other.run_)),
      logs_dir_(std::move(other.logs_dir_)),
      record_(std::move(other.record_)),
      logs_(std::move(other.logs_)),
      kept_(std::exchange(other.kept_, true)) {}

SessionDir::~SessionDir() {
    if (kept_)
        return;
    remove_folder(run_);
    remove_folder(logs_dir_);
}

std::string run_folder(const LauncherContext& context, const std::string& session) {
    return context.sessions_dir() + "/" + session;
}

std::string log_folder(const LauncherContext& context, const std::string& session) {
    return context.logs_dir() + "/" + session;
}

void remove_run_folder(const LauncherContext& context, const std::string& session) {
    remove_folder(run_folder(context, session));
}

void remove_log_folder(const LauncherContext& context, const std::string& session) {
    remove_folder(log_folder(context, session));
}

void write_session_file(const LauncherContext& context, const protocol::Launched& facts) {
    const std::string path = run_folder(context, facts.session) + "/session.json";
    write_file_atomically(path, protocol::encode(protocol::Packet<protocol::Reply>{0, facts}), 0640);
    if (::chown(path.c_str(), 0, context.manager.gid) != 0)
        throw_errno("cannot set the owner of " + path);
}

std::optional<protocol::Launched> read_session_file(const LauncherContext& context,
                                                    const std::string& session) {
    try {
        auto packet = protocol::decode_reply(read_file(run_folder(context, session) + "/session.json"));
        if (auto* facts = std::get_if<protocol::Launched>(&packet.body);
            facts != nullptr && facts->session == session)
            return std::move(*facts);
    } catch (const Error& error) {
        log::warning({.session = session},
                     "session " + session + " has no usable session.json: " + error.what());
    }
    return std::nullopt;
}

std::optional<protocol::ExitRecord> read_exit_record(const LauncherContext& context,
                                                     const std::string& session) {
    std::string text;
    try {
        text = read_file(run_folder(context, session) + "/record", 1 << 20);
    } catch (const Error&) {
        return std::nullopt;
    }
    if (!text.ends_with('\n'))
        return std::nullopt;
    text.pop_back();
    const std::size_t line = text.rfind('\n');
    const auto json =
        nlohmann::json::parse(line == std::string::npos ? text : text.substr(line + 1), nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    protocol::ExitRecord record;
    record.run = json.value("run", 0U);
    record.runtime_milliseconds = json.value("runtime_milliseconds", std::uint64_t{0});
    if (json.contains("signal"))
        record.signal = json.value("signal", 0);
    else
        record.exit_status = json.value("exit_status", 0);
    return record;
}

} // namespace sandbox::launcher
