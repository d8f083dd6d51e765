#include "launcher/helpers/act_as.hpp"
#include "launcher/operations/workspace_file.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/encoding.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>

namespace sandbox::launcher {
namespace {

using Json = nlohmann::ordered_json;

const char* type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "folder";
    case S_IFLNK:
        return "link";
    default:
        return "other";
    }
}

struct Names {
    std::vector<std::string> first; ///< sorted by their bytes
    bool more = false;              ///< others are behind them
    bool cut = false;               ///< the folder was not read to its end
};

/// A page of names. The kernel has them in no order that would hold until the next page is asked for: so all
/// are read each time, up to a bound, as everybody waits for the launcher meanwhile.
Names names_behind(const std::string& after, UniqueFd folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), &::closedir);
    if (!stream)
        throw_errno("cannot list a folder");
    static_cast<void>(folder.release()); // the DIR owns it now
    Names names;
    std::size_t read = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        if (++read > kMostRead) {
            names.cut = true;
            break;
        }
        if (name <= after)
            continue;
        names.first.emplace_back(name);
        // A heap: the greatest of those that are kept goes for a smaller one.
        std::ranges::push_heap(names.first);
        if (names.first.size() > kMostListed) {
            std::ranges::pop_heap(names.first);
            names.first.pop_back();
            names.more = true;
        }
    }
    std::ranges::sort_heap(names.first);
    return names;
}

Json entry_of(const std::string& name, const struct stat& status) {
    const auto modified = std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec) +
                          std::chrono::milliseconds(status.st_mtim.tv_nsec / 1'000'000);
    Json entry{{"name", name}};
    if (!is_utf8(name))
        entry["name_encoded"] = percent_encode(name);
    entry["type"] = type_of(status.st_mode);
    entry["size"] = status.st_size;
    entry["modified_at"] = format_time(modified);
    return entry;
}

std::string listing_of(const Sandbox& sandbox, const std::string& path, const std::string& after) {
    UniqueFd folder = open_as_session(sandbox, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
    const UniqueFd opened(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0));
    Json entries = Json::array();
    const ActAs tenant(sandbox.facts.uid);
    const Names names = names_behind(after, std::move(folder));
    for (const std::string& name : names.first) {
        struct stat status {};
        if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
            entries.push_back(entry_of(name, status));
        else if (errno != ENOENT) // else it has gone meanwhile
            refuse_session_file(errno, session_file_name(sandbox, path));
    }
    const Json document{{"entries", std::move(entries)},
                        {"truncated", names.more || names.cut},
                        {"next", names.more ? Json(percent_encode(names.first.back())) : Json(nullptr)}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

SessionFile list_session_folder(const Sandbox& sandbox, const std::string& path, const std::string& after) {
    if (!path.empty())
        check_session_path(path);
    const std::string text = listing_of(sandbox, path, after);
    SessionFile list;
    list.fd = UniqueFd(::memfd_create("listing", MFD_CLOEXEC));
    if (!list.fd)
        throw_errno("memfd_create");
    write_all(list.fd.get(), text, "a listing");
    list.size = text.size();
    return list;
}

} // namespace sandbox::launcher
