#include "manager/store/state_dir.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::manager {
namespace {

/// The manager's own. Made when it is not there.
std::string own_folder(const policy::Site& site) {
    std::string folder = site.state_dir + "/manager";
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        const bool is_for_launcher = errno == ENOENT || errno == EACCES || errno == EPERM;
        throw_errno("cannot make " + folder,
                    is_for_launcher
                        ? "sandbox-launcher makes it for the manager's user: see whether that one runs."
                        : "");
    }
    return folder;
}

/// A random text in a file of its own. Made when it is not there.
std::string own_secret(const policy::Site& site, const char* name) {
    const std::string path = own_folder(site) + "/" + name;
    if (::access(path.c_str(), F_OK) != 0)
        write_file_atomically(path, new_token(), 0600);
    return read_file(path, 4096);
}

std::string mark_path(const policy::Site& site) {
    return site.state_dir + "/manager/draining";
}

} // namespace

std::string store_path(const policy::Site& site) {
    return own_folder(site) + "/sessions.db";
}

AuditFile open_audit(const policy::Site& site) {
    AuditFile::Limits limits;
    limits.total_size = site.audit.size;
    limits.age = site.audit.keep;
    limits.file_size = std::min(limits.file_size, Bytes{site.audit.size.value / 4});
    return {audit_folder(site), limits};
}

std::string audit_folder(const policy::Site& site) {
    return own_folder(site) + "/audit";
}

std::string kept_logs_folder(const policy::Site& site) {
    return own_folder(site) + "/logs";
}

std::string token_secret(const policy::Site& site) {
    return own_secret(site, "token-secret");
}

std::string audit_key(const policy::Site& site) {
    return own_secret(site, "audit-key");
}

std::string read_boot_id() {
    std::string text = read_file("/proc/sys/kernel/random/boot_id", 64);
    std::erase(text, '\n');
    return text;
}

bool was_draining(const policy::Site& site) {
    if (::access(mark_path(site).c_str(), F_OK) != 0)
        return false;
    log::warning("takes no new sessions: it was told to drain, and not to undo that");
    return true;
}

void keep_draining(const policy::Site& site, bool draining) {
    const std::string path = mark_path(site);
    if (draining)
        write_file_atomically(path, "", 0600);
    else if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        throw_errno("cannot remove " + path);
}

} // namespace sandbox::manager
