#include "workspace.hpp"

#include "sandbox/base/file.hpp"

#include <cstdlib>
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

NewFile::NewFile(std::string path) : path_(std::move(path)), name_(path_ + ".XXXXXX") {
    const int fd = ::mkostemp(name_.data(), O_CLOEXEC);
    if (fd < 0)
        throw_errno("make " + path_);
    fd_ = UniqueFd(fd);
}

NewFile::~NewFile() {
    if (!name_.empty())
        ::unlink(name_.c_str());
}

void NewFile::write(std::string_view piece) {
    write_all(fd_.get(), piece, path_);
}

void NewFile::keep() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd_.get(), 0666 & ~mask) != 0 || ::rename(name_.c_str(), path_.c_str()) != 0)
        throw_errno("write " + path_);
    name_.clear();
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

void Workspace::download_to(const std::string& path, const std::string& local,
                            const OnBytes& on_bytes) const {
    NewFile file(local);
    std::uint64_t done = 0;
    download(path, [&](std::string_view piece) {
        file.write(piece);
        done += piece.size();
        on_bytes(done, 0);
    });
    file.keep();
}

void Workspace::upload(const std::string& local, const std::string& path, const OnBytes& on_bytes) const {
    const UniqueFd file = open_fd(local, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        throw_errno("look at " + local);
    if (!S_ISREG(status.st_mode))
        throw Error(Errc::invalid_argument, local + " is no regular file", "Only those can be copied.");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    HttpRequest request{.method = "PUT", .target = target(path), .token = {}, .body = {}};
    request.upload = FileUpload{file.get(), size, [&](std::uint64_t sent) { on_bytes(sent, size); }};
    request.quiet = kQuiet;
    api_.call(request);
}

std::vector<Workspace::Entry> Workspace::list(const std::string& folder) const {
    const Json answer = api_.get(target(folder) + "?list=1");
    if (answer.at("truncated") == true)
        throw Error(Errc::too_large, "/work/" + folder + " has more entries than the API tells of",
                    "Pack it by a command in the session, or copy its files one by one.");
    std::vector<Entry> entries;
    for (const Json& entry : answer.at("entries")) {
        Entry one{entry.at("name"), entry.at("type")};
        if (!is_plain_name(one.name))
            throw Error(Errc::unavailable, "the API names a file that no folder can hold");
        entries.push_back(std::move(one));
    }
    return entries;
}

} // namespace sandbox::ctl
