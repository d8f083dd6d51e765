#include "ctl/jobs/workspace.hpp"

#include "ctl/format/json_text.hpp"
#include "ctl/terminal/output_file.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

constexpr std::string_view kWork = "/work";
/// A side that sends or takes nothing for so long has gone.
constexpr Duration kQuiet = std::chrono::seconds(60);
/// All of a file is there, and is written into the session.
constexpr Duration kStoreTimeout = std::chrono::minutes(5);
/// How long others may have the tenant's share of uploads.
constexpr Duration kShareTime = std::chrono::minutes(5), kShareRetry = std::chrono::seconds(1);
constexpr std::size_t kMostEntries = 1'000'000;

std::string encode_path(const std::string& path) {
    std::string encoded;
    for (std::size_t start = 0; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        encoded += (start == 0 ? "" : "/") + encode_component(path.substr(start, end - start));
        start = end + 1;
    }
    return encoded;
}

/// The name becomes a part of a local path.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

} // namespace

std::string workspace_path(std::string_view text, const char* field) {
    std::string_view path = text;
    if (path == kWork || path.starts_with(std::string(kWork) + "/"))
        path.remove_prefix(std::min(path.size(), kWork.size() + 1));
    while (path.ends_with('/'))
        path.remove_suffix(1);
    while (path.starts_with("./"))
        path.remove_prefix(2);
    if (path == ".")
        path = {};
    if (path.starts_with('/'))
        throw Error(Errc::invalid_argument, "\"" + std::string(text) + "\" is not in the session's workspace",
                    "Files that go in or out are below /work.", field);
    return std::string(path);
}

std::string Workspace::target(const std::string& path) const {
    return "/v1/sessions/" + session_ + "/files" + (path.empty() ? "" : "/" + encode_path(path));
}

void Workspace::download(const std::string& path,
                         const std::function<void(std::string_view)>& on_piece) const {
    HttpRequest request{.method = "GET", .target = target(path), .token = {}, .body = {}};
    request.on_piece = on_piece;
    request.quiet = kQuiet;
    api_.call(request);
}

std::uint64_t Workspace::download_to(const std::string& path, const std::string& local,
                                     const OnBytes& on_bytes) const {
    OutputFile file(local);
    std::uint64_t done = 0;
    download(path, [&](std::string_view piece) {
        file.write(piece);
        done += piece.size();
        on_bytes(done, 0);
    });
    file.keep();
    return done;
}

void Workspace::upload_from(int fd, const std::string& path, const OnBytes& on_bytes) const {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        throw_errno("cannot look at what is sent");
    std::optional<std::uint64_t> size;
    // Files of /proc say that they have nothing in them; a regular input may be half read.
    if (S_ISREG(status.st_mode) && status.st_size > 0 && ::lseek(fd, 0, SEEK_CUR) == 0)
        size = static_cast<std::uint64_t>(status.st_size);
    HttpRequest request{.method = "PUT", .target = target(path), .token = {}, .body = {}};
    request.upload = FileUpload{fd, size, [&](std::uint64_t sent) { on_bytes(sent, size.value_or(0)); }};
    request.quiet = kQuiet;
    const auto deadline = std::chrono::steady_clock::now() + kShareTime;
    for (;;)
        try {
            api_.call(request, kStoreTimeout);
            return;
        } catch (const Error& error) {
            // Others of the tenant send at this moment. What came from a pipe cannot be sent again.
            const std::string reason = error.retry() ? error.retry()->reason : std::string();
            if (!size || (reason != "tenant_uploads" && reason != "uploads") ||
                std::chrono::steady_clock::now() > deadline)
                throw;
            std::this_thread::sleep_for(kShareRetry);
        }
}

void Workspace::upload(const std::string& local, const std::string& path, const OnBytes& on_bytes) const {
    // A folder opens too, and a pipe waits for who writes, as it does for everybody.
    upload_from(open_fd(local, O_RDONLY | O_NOCTTY).get(), path, on_bytes);
}

void Workspace::make_folder(const std::string& path) const {
    // The API makes the folders of a file that comes.
    const std::string file = path + "/.sandboxctl-" + new_session_id();
    HttpRequest request{.method = "PUT", .target = target(file), .token = {}, .body = {}};
    api_.call(request);
    api_.remove(target(file), kAnswerTimeout);
}

bool Workspace::is_folder(const std::string& path) const {
    try {
        return api_.get(target(path) + "?list=1").contains("entries");
    } catch (const Error& error) {
        if (error.code() == Errc::not_found || error.code() == Errc::conflict ||
            error.code() == Errc::invalid_argument || error.code() == Errc::denied)
            return false;
        throw;
    }
}

std::vector<Workspace::Entry> Workspace::list(const std::string& folder) const {
    std::vector<Entry> entries;
    for (std::string after;;) {
        const Json answer = api_.get(target(folder) + "?list=1" + (after.empty() ? "" : "&after=" + after));
        for (const Json& entry : answer.at("entries")) {
            const Json& encoded = member(entry, {"name_encoded"});
            Entry one{encoded.is_string() ? decode_component(encoded.get<std::string>())
                                          : entry.at("name").get<std::string>(),
                      entry.at("type")};
            if (!is_plain_name(one.name))
                throw Error(Errc::unavailable, "the API names a file that no folder can hold");
            entries.push_back(std::move(one));
        }
        if (answer.at("truncated") != true)
            return entries;
        const Json& next = member(answer, {"next"});
        if (!next.is_string() || next == after || entries.size() >= kMostEntries)
            throw Error(Errc::too_large, "/work/" + folder + " has more entries than the API tells of",
                        "Pack it by a command in the session, or copy its files one by one.");
        after = next.get<std::string>();
        if (encode_component(decode_component(after)) != after) // it becomes a part of a request
            throw Error(Errc::unavailable, "the API names a file that no folder can hold");
    }
}

} // namespace sandbox::ctl
