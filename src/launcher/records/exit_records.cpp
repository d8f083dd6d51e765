#include "launcher/records/exit_records.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <unistd.h>

namespace sandbox::launcher {

namespace fs = std::filesystem;

ExitRecords::ExitRecords(std::string folder, std::string logs_folder, std::size_t most)
    : folder_(std::move(folder)),
      logs_folder_(std::move(logs_folder)),
      most_(most) {
    std::vector<std::pair<fs::file_time_type, std::string>> found;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        const std::string name = entry.path().filename();
        if (is_session_id(name))
            found.emplace_back(entry.last_write_time(), name);
        else
            fs::remove(entry.path()); // half written
    }
    std::ranges::sort(found);
    for (auto& [time, name] : found)
        sessions_.push_back(std::move(name));
}

std::string ExitRecords::path(const std::string& session) const {
    return folder_ + "/" + session;
}

void ExitRecords::keep(const protocol::Ended& ended) {
    write_file_atomically(path(ended.session), protocol::encode(protocol::Packet<protocol::Reply>{0, ended}),
                          0600);
    add(ended.session);
}

void ExitRecords::keep_log(const std::string& session) {
    add(session);
}

void ExitRecords::add(const std::string& session) {
    if (has(session))
        return;
    sessions_.push_back(session);
    if (sessions_.size() > most_) {
        log::warning({.session = sessions_.front()},
                     "the manager has not asked for the last figures and the log of session " +
                         sessions_.front() + ": they are dropped");
        forget(std::string(sessions_.front()));
    }
}

bool ExitRecords::has(const std::string& session) const {
    return std::ranges::find(sessions_, session) != sessions_.end();
}

std::optional<protocol::Ended> ExitRecords::find(const std::string& session) const {
    if (!has(session) || !fs::exists(path(session)))
        return std::nullopt;
    try {
        auto packet = protocol::decode_reply(read_file(path(session)));
        if (auto* ended = std::get_if<protocol::Ended>(&packet.body))
            return std::move(*ended);
    } catch (const Error& error) {
        log::warning({.session = session},
                     "the last figures of session " + session + " cannot be read: " + error.what());
    }
    return std::nullopt;
}

void ExitRecords::forget(const std::string& session) {
    // Of no other name than those that are known here: the manager says which, and root removes.
    if (std::erase(sessions_, session) == 0)
        return;
    ::unlink(path(session).c_str());
    std::error_code failure;
    fs::remove_all(logs_folder_ + "/" + session, failure);
    if (failure)
        log::warning({.session = session},
                     "cannot remove the log of session " + session + ": " + failure.message());
}

} // namespace sandbox::launcher
