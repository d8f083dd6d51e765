#include "launcher/build/root_fs.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/mount.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::uint64_t kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// The new root as a folder descriptor: every path below is relative to it, and no link is on the way, as all
/// that is there was made here.
class Root {
  public:
    explicit Root(UniqueFd mount) : fd_(std::move(mount)) {}
    int fd() const { return fd_.get(); }

    /// Makes the folders on the way to `path`.
    void make_parents(const std::string& path) const {
        for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
             slash = path.find('/', slash + 1))
            make_directory(path.substr(0, slash));
    }
    void make_directory(const std::string& path) const {
        if (::mkdirat(fd(), relative(path), 0755) != 0 && errno != EEXIST)
            throw_errno("cannot make the folder " + path);
    }
    void make_private_directory(const std::string& path, uid_t owner) const {
        if (::mkdirat(fd(), relative(path), 0700) != 0 ||
            ::fchownat(fd(), relative(path), owner, owner, AT_SYMLINK_NOFOLLOW) != 0)
            throw_errno("cannot make the folder " + path);
    }
    void make_file(const std::string& path, std::string_view content) const {
        const UniqueFd file = open_fd_at(fd(), relative(path), O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
        write_all(file.get(), content, path);
    }
    void attach(const UniqueFd& mount, const std::string& path) const {
        kernel::attach_mount(mount.get(), fd(), relative(path));
    }
    bool has(const std::string& path) const {
        struct stat status {};
        return ::fstatat(fd(), relative(path), &status, AT_SYMLINK_NOFOLLOW) == 0;
    }
    bool is_directory(const std::string& path) const {
        struct stat status {};
        return ::fstatat(fd(), relative(path), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
    }
    static const char* relative(const std::string& path) { return path.c_str() + 1; }

  private:
    UniqueFd fd_;
};

Root make_root(const SandboxSpec& spec, const std::string& anchor) {
    // Nothing that is done here may reach the host's mount namespace, nor the other way round.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        throw_errno("cannot make the mount namespace private");
    Root root(kernel::new_filesystem("tmpfs", {{"mode", "0755"}, {"size", "4M"}, {"nr_inodes", "4096"}},
                                     kHarmless));
    kernel::attach_mount(root.fd(), AT_FDCWD, anchor);
    for (const std::string& path : spec.directories) {
        root.make_parents(path);
        root.make_directory(path);
    }
    for (const Symlink& link : spec.symlinks)
        if (::symlinkat(link.text.c_str(), root.fd(), Root::relative(link.path)) != 0)
            throw_errno("cannot make the link " + link.path);
    return root;
}

void add_bind(const Root& root, const BindMount& bind) {
    const UniqueFd mount = kernel::clone_mount(AT_FDCWD, bind.source, true);
    kernel::set_mount_attributes(
        mount.get(),
        {.set = MOUNT_ATTR_NOSUID | (bind.device ? 0U : std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV}),
         .clear = bind.device ? std::uint64_t{MOUNT_ATTR_NODEV} : 0U,
         .make_private = true,
         .recursive = true},
        bind.source);
    root.make_parents(bind.target);
    if (!root.has(bind.target)) {
        if (bind.directory)
            root.make_directory(bind.target);
        else
            root.make_file(bind.target, "");
    }
    root.attach(mount, bind.target);
}

void add_private_tmpfs(const Root& root, const SandboxSpec& spec) {
    for (const TmpfsMount& tmpfs : spec.tmpfs) {
        if (tmpfs.target == "/dev/shm")
            continue; // made with /dev
        const std::string owner = std::to_string(spec.uid);
        root.attach(kernel::new_filesystem("tmpfs",
                                           {{"mode", "0700"},
                                            {"uid", owner},
                                            {"gid", owner},
                                            {"size", std::to_string(tmpfs.size.value)},
                                            {"nr_inodes", std::to_string(tmpfs.inodes)}},
                                           kHarmless),
                    tmpfs.target);
    }
    for (const std::string& path : spec.private_directories)
        root.make_private_directory(path, spec.uid);
}

void add_devices(const Root& root, const SandboxSpec& spec) {
    struct Node {
        const char* name;
        unsigned minor;
    };
    constexpr std::array kNodes{Node{"null", 3}, Node{"zero", 5}, Node{"full", 7}, Node{"random", 8},
                                Node{"urandom", 9}};
    const UniqueFd dev =
        kernel::new_filesystem("tmpfs", {{"mode", "0755"}, {"size", "64K"}, {"nr_inodes", "64"}},
                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    for (const Node& node : kNodes)
        if (::mknodat(dev.get(), node.name, S_IFCHR | 0666, ::makedev(1, node.minor)) != 0)
            throw_errno(std::string("cannot make /dev/") + node.name);
    constexpr std::array<std::pair<const char*, const char*>, 4> kLinks{{{"fd", "/proc/self/fd"},
                                                                         {"stdin", "/proc/self/fd/0"},
                                                                         {"stdout", "/proc/self/fd/1"},
                                                                         {"stderr", "/proc/self/fd/2"}}};
    for (const auto& [name, text] : kLinks)
        if (::symlinkat(text, dev.get(), name) != 0)
            throw_errno(std::string("cannot make /dev/") + name);
    if (::mkdirat(dev.get(), "shm", 0755) != 0)
        throw_errno("cannot make /dev/shm");
    root.attach(dev, "/dev");
    for (const TmpfsMount& tmpfs : spec.tmpfs)
        if (tmpfs.target == "/dev/shm")
            root.attach(kernel::new_filesystem("tmpfs",
                                               {{"mode", "1777"},
                                                {"size", std::to_string(tmpfs.size.value)},
                                                {"nr_inodes", std::to_string(tmpfs.inodes)}},
                                               kHarmless | MOUNT_ATTR_NOEXEC),
                        "/dev/shm");
    for (const BindMount& bind : spec.binds)
        if (bind.device)
            add_bind(root, bind);
    kernel::set_mount_attributes(dev.get(), {.set = MOUNT_ATTR_RDONLY}, "/dev");
}

void add_proc(const Root& root, const SandboxSpec& spec) {
    root.attach(kernel::new_filesystem("proc", {}, kHarmless | MOUNT_ATTR_NOEXEC), "/proc");
    for (const std::string& path : spec.read_only_paths) {
        const UniqueFd copy = kernel::clone_mount(root.fd(), Root::relative(path), false);
        kernel::set_mount_attributes(copy.get(), {.set = MOUNT_ATTR_RDONLY}, path);
        root.attach(copy, path);
    }
    UniqueFd empty;
    for (const std::string& path : spec.masked_paths) {
        if (!root.has(path))
            continue;
        if (root.is_directory(path)) {
            // Copied only once it is attached: before Linux 6.15, a detached mount cannot be copied.
            if (empty) {
                root.attach(kernel::clone_mount(empty.get(), "", false), path);
            } else {
                empty =
                    kernel::new_filesystem("tmpfs", {{"mode", "0555"}, {"size", "4K"}, {"nr_inodes", "2"}},
                                           kHarmless | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
                root.attach(empty, path);
            }
        } else {
            root.attach(kernel::clone_mount(root.fd(), "dev/null", false), path);
        }
    }
}

} // namespace

void enter_new_root(const SandboxSpec& spec, const std::string& anchor,
                    const std::function<void(Step)>& done) {
    const Root root = make_root(spec, anchor);
    done(Step::root);
    for (const BindMount& bind : spec.binds)
        if (!bind.device)
            add_bind(root, bind);
    done(Step::binds);
    add_private_tmpfs(root, spec);
    done(Step::tmpfs);
    add_devices(root, spec);
    done(Step::devices);
    add_proc(root, spec);
    done(Step::proc);
    for (const GeneratedFile& file : spec.files)
        root.make_file(file.path, file.content);
    done(Step::etc_files);
    kernel::set_mount_attributes(root.fd(), {.set = MOUNT_ATTR_RDONLY}, "/");
    kernel::pivot_into(root.fd());
    done(Step::pivot);
}

} // namespace sandbox::launcher
