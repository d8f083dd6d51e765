#include "ctl/policy/new_site_file.hpp"

#include "ctl/format/table.hpp"
#include "embedded_tenant.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loader.hpp"

#include <cerrno>
#include <cstdio>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

constexpr policy::Trust kTrust = policy::Trust::any_owner;
constexpr mode_t kFolderMode = 0755, kFileMode = 0644; // the manager, which is not root, reads them

[[noreturn]] void refuse(const std::string& path) {
    const int number = errno;
    if (number == EEXIST)
        throw Error(Errc::conflict, path + " is there already", "Change it, or take another name.");
    throw errno_error(number, "cannot write " + path,
                      number == EACCES || number == EPERM ? "Only root may: try it with sudo." : "");
}

/// With the folder above, as the admin's folders are there only once something is in them.
void make_folder(const std::string& folder) {
    const std::string above = folder.substr(0, folder.rfind('/'));
    for (const std::string& one : {above, folder}) {
        if (one.empty() || ::mkdir(one.c_str(), kFolderMode) == 0) {
            if (!one.empty() && ::chmod(one.c_str(), kFolderMode) != 0) // whatever the umask took
                refuse(one);
        } else if (errno != EEXIST && errno != ENOENT) {
            refuse(one);
        }
    }
}

/// A file under a name of its own until it has the one that it is made for.
class Temporary {
  public:
    explicit Temporary(const std::string& folder) : path_(folder + "/.sandboxctl-" + new_session_id()) {}
    ~Temporary() { ::unlink(path_.c_str()); }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

void write_new_file(const std::string& folder, const std::string& name, const std::string& text) {
    const std::string path = folder + "/" + name;
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0) {
        errno = EEXIST;
        refuse(path);
    }
    make_folder(folder);
    const Temporary temporary(folder);
    const UniqueFd fd(
        ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!fd || ::fchmod(fd.get(), kFileMode) != 0)
        refuse(path);
    write_all(fd.get(), text, path);
    if (::fsync(fd.get()) != 0 ||
        ::renameat2(AT_FDCWD, temporary.path().c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
        refuse(path);
    const UniqueFd above = open_fd(folder, O_RDONLY | O_DIRECTORY);
    if (::fsync(above.get()) != 0)
        refuse(folder);
}

std::string list_text(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "\"" : ", \"") + name + "\"";
    return "[" + text + "]";
}

/// Keys and what belongs to them are commented out; the heads of tables stay, so that a key that is taken in
/// is in its table.
std::string commented(const std::string& toml) {
    std::string text;
    std::istringstream lines(toml);
    for (std::string line; std::getline(lines, line);)
        text += (line.empty() || line.starts_with('[') ? "" : "#") + line + "\n";
    return text;
}

} // namespace

std::string write_new_tenant(const policy::Site& site, const std::string& name,
                             const std::vector<std::string>& policies) {
    for (const std::string& one : policies)
        static_cast<void>(policy::load_policy(site.policy_folders(), one, kTrust));
    constexpr std::string_view kNone = "\npolicies = []\n";
    std::string text(embedded::kTenant);
    text.replace(text.find(kNone), kNone.size(), "\npolicies = " + list_text(policies) + "\n");
    static_cast<void>(policy::check_tenant_text(text, site.tenants_dir, name));
    write_new_file(site.tenants_dir, name + ".toml", text);
    return site.tenants_dir + "/" + name + ".toml";
}

std::string write_new_policy(const policy::PolicyFolders& folders, const std::string& name,
                             const std::string& base) {
    if (base == name && folders.vendor.empty())
        throw Error(Errc::invalid_argument, "policy " + printable(name) + ": it cannot extend itself",
                    "Only a policy of the vendor's is extended by one of its own name.", "--extends");
    const policy::PolicyFolders below = base == name ? policy::PolicyFolders{folders.vendor} : folders;
    const std::string text =
        "# A policy of this site. It starts from the policy \"" + base +
        "\": of tables what stands here is merged with it key by key.\n"
        "# `sandboxctl policy schema`, and man sandbox-policy(5), tell what each key means.\n"
        "#\n"
        "# Every key stands here as that policy has it, commented out: take the # away from those that you "
        "change.\n\n"
        "extends = \"" +
        base + "\"\n\n" + commented(policy::to_toml(policy::load_policy(below, base, kTrust)));
    static_cast<void>(policy::check_policy_text(text, folders, name, kTrust));
    write_new_file(folders.admin, name + ".toml", text);
    return folders.admin + "/" + name + ".toml";
}

} // namespace sandbox::ctl
