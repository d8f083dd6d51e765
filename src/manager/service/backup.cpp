#include "manager/service/backup.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/tar.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace sandbox::manager {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostStore = std::size_t{4} << 30;
constexpr std::size_t kMostFile = 1 << 20; ///< no file of a site is larger

/// The copy that was packed goes, whatever happens.
struct Unlink {
    const std::string& path;
    explicit Unlink(const std::string& name) : path(name) {}
    Unlink(const Unlink&) = delete;
    Unlink& operator=(const Unlink&) = delete;
    ~Unlink() { ::unlink(path.c_str()); }
};

class Archive {
  public:
    explicit Archive(const std::string& folder) : fd_(open_fd(folder, O_TMPFILE | O_RDWR, 0600)) {}

    void add(const std::string& name, const std::string& content) {
        put(tar_header(name, content.size(), now_));
        put(content);
        put(tar_padding(content.size()));
    }

    /// Files of these endings in a folder, by their names; a link or anything else is left out.
    void add_folder(const std::string& folder, const std::string& name, const std::string& ending) {
        std::vector<std::string> files;
        std::error_code error;
        for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
            if (entry->path().extension() == ending && fs::is_regular_file(entry->symlink_status()))
                files.push_back(entry->path().filename());
        if (error)
            throw errno_error(error.value(), "cannot list " + folder);
        std::ranges::sort(files);
        for (const std::string& file : files)
            add(name + "/" + file, read_file(folder + "/" + file, kMostFile));
    }

    Backup finish() {
        put(tar_end());
        return {.file = std::move(fd_), .size = size_};
    }

  private:
    void put(const std::string& bytes) {
        write_all(fd_.get(), bytes, "the backup");
        size_ += bytes.size();
    }

    UniqueFd fd_;
    std::uint64_t size_ = 0;
    const std::int64_t now_ = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
};

} // namespace

std::string new_backup_path(const policy::Site& site) {
    return site.state_dir + "/manager/backup-" + new_session_id() + ".db";
}

Backup pack_backup(const policy::Site& site, const std::string& store) {
    const Unlink gone(store);
    Archive archive(site.state_dir + "/manager");
    archive.add("sessions.db", read_file(store, kMostStore));
    if (!site.origin.empty())
        archive.add("sandboxd.toml", read_file(site.origin, kMostFile));
    // The vendor's are part of the programs, and the admin need not have any.
    if (fs::exists(site.policies_dir))
        archive.add_folder(site.policies_dir, "policies", ".toml");
    if (const std::string profiles = site.policies_dir + "/seccomp"; fs::exists(profiles))
        archive.add_folder(profiles, "policies/seccomp", ".json");
    archive.add_folder(site.tenants_dir, "tenants", ".toml");
    return archive.finish();
}

} // namespace sandbox::manager
