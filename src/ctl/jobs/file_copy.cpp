#include "ctl/jobs/file_copy.hpp"

#include "ctl/format/json_text.hpp"

#include <algorithm>
#include <cstring>
#include <ostream>

#include <sys/stat.h>

namespace sandbox::ctl {
namespace {
namespace fs = std::filesystem;

/// Of one file; anything else would come again with the next one.
bool is_of_one_file(const Error& error) {
    switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::denied:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::too_large:
    case Errc::unsupported:
    case Errc::io:
        return true;
    default:
        return false;
    }
}

/// The name that it is called by: a link's own. `.` and `..` have one only where they lead.
std::string own_name(const fs::path& local) {
    std::string text = local.string();
    while (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    std::string name = text.substr(text.rfind('/') + 1);
    if (name.empty() || name == "." || name == "..")
        name = fs::canonical(local).filename().string();
    if (name.empty() || name == "/")
        throw Error(Errc::invalid_argument, local.string() + " has no name",
                    "Say what it is called, as ID:NAME.", "DST");
    return name;
}

} // namespace

FileCopy::FileCopy(Context& context, const ApiClient& api, std::string session)
    : context_(context),
      session_(std::move(session)),
      workspace_(api, session_),
      progress_(context, "copying") {}

OnBytes FileCopy::told(const std::string& path) {
    return [this, path](std::uint64_t done, std::uint64_t whole) {
        progress_.tell(path + "  " +
                       (whole == 0 ? short_bytes(static_cast<double>(done)) : share_text(done, whole)));
    };
}

void FileCopy::leave_out(const std::string& name, const std::string& why) {
    ++left_out_;
    progress_.aside([&] {
        context_.terminal.err << "sandboxctl: left out " << printable(name) << ": " << printable(why)
                              << std::endl;
    });
}

void FileCopy::leave_out(const std::string& name, const Error& error) {
    if (!is_of_one_file(error))
        throw error; // NOLINT(cert-err60-cpp)
    leave_out(name, std::string(error.what()));
}

void FileCopy::to_output(const std::string& path) {
    workspace_.download(path, [&](std::string_view piece) { context_.terminal.out << piece; });
}

void FileCopy::out(const std::string& path, fs::path local, bool recursive) {
    std::error_code error;
    if (fs::is_directory(local, error))
        local /= path.empty() ? session_ : path.substr(path.rfind('/') + 1);
    if (recursive)
        folder_out(path, local);
    else
        workspace_.download_to(path, local.string(), told(path));
}

void FileCopy::folder_out(const std::string& path, const fs::path& local) {
    const std::vector<Workspace::Entry> entries = workspace_.list(path);
    std::error_code error;
    fs::create_directories(local, error);
    if (!fs::is_directory(local, error))
        throw errno_error(error ? error.value() : ENOTDIR, "cannot make the folder " + local.string());
    for (const Workspace::Entry& entry : entries) {
        const std::string inner = path.empty() ? entry.name : path + "/" + entry.name;
        try {
            entry_out(entry, inner, local / entry.name);
        } catch (const Error& failure) {
            leave_out("/work/" + inner, failure);
        }
    }
}

void FileCopy::entry_out(const Workspace::Entry& entry, const std::string& path, const fs::path& local) {
    if (entry.type == "folder")
        folder_out(path, local);
    else if (entry.type == "file" || entry.type == "link") // of one that leads to no file the API says so
        workspace_.download_to(path, local.string(), told(path));
    else
        leave_out("/work/" + path, "it is neither a file nor a folder");
}

void FileCopy::in(const fs::path& local, std::string path, bool recursive) {
    if (path.empty() || path.ends_with('/'))
        path += own_name(local);
    else if (workspace_.is_folder(path))
        path += "/" + own_name(local);
    if (recursive)
        entry_in(local, path);
    else
        workspace_.upload(local.string(), path, told(path));
}

void FileCopy::from_input(const std::string& path) {
    if (path.empty() || path.ends_with('/') || workspace_.is_folder(path))
        throw Error(Errc::invalid_argument, "what comes from standard input has no name",
                    "Say what it is called, as ID:NAME.", "DST");
    workspace_.upload_from(context_.terminal.input, path, told(path));
}

void FileCopy::folder_in(const fs::path& local, const std::string& path) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(local, error), end; !error && entry != end; entry.increment(error))
        names.push_back(entry->path().filename().string());
    if (error)
        leave_out(local.string(), "it cannot be read: " + error.message());
    else if (names.empty())
        workspace_.make_folder(path);
    std::ranges::sort(names);
    for (const std::string& name : names)
        try {
            entry_in(local / name, path + "/" + name);
        } catch (const Error& failure) {
            leave_out((local / name).string(), failure);
        }
}

void FileCopy::entry_in(const fs::path& local, const std::string& path) {
    struct stat found {};
    if (::stat(local.c_str(), &found) != 0) {
        leave_out(local.string(), std::string("it cannot be read: ") + std::strerror(errno));
    } else if (S_ISREG(found.st_mode)) {
        workspace_.upload(local.string(), path, told(path));
    } else if (!S_ISDIR(found.st_mode)) {
        leave_out(local.string(), "it is neither a file nor a folder");
    } else if (std::ranges::find(above_, std::pair(found.st_dev, found.st_ino)) != above_.end()) {
        leave_out(local.string(), "it leads back to a folder that it is in");
    } else {
        above_.emplace_back(found.st_dev, found.st_ino);
        folder_in(local, path);
        above_.pop_back();
    }
}

} // namespace sandbox::ctl
