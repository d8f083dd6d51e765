#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/mount.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

int in_mount_namespace(const std::function<int()>& body) {
    return in_child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            return 97;
        return body();
    });
}

} // namespace

TEST_CASE("a tmpfs holds what it may and no more") {
    if (!need_root())
        return;
    CHECK(in_mount_namespace([] {
              const UniqueFd mount =
                  new_filesystem("tmpfs", {{"size", "64K"}, {"nr_inodes", "3"}}, MOUNT_ATTR_NOSUID);
              const UniqueFd file = open_fd_at(mount.get(), "a", O_CREAT | O_WRONLY, 0600);
              try {
                  write_all(file.get(), std::string(128 << 10, 'x'), "a");
                  return 1;
              } catch (const Error&) {
              }
              open_fd_at(mount.get(), "b", O_CREAT | O_WRONLY, 0600);
              return ::openat(mount.get(), "c", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOSPC ? 0 : 2;
          }) == 0);
}

TEST_CASE("an option that the file system does not know is named") {
    if (!need_root())
        return;
    CHECK_THROWS_WITH(new_filesystem("tmpfs", {{"no_such", "1"}}, 0), Catch::Contains("no_such"));
}

TEST_CASE("a read-only copy of a mount refuses writes, the original takes them") {
    if (!need_root())
        return;
    CHECK(in_mount_namespace([] {
              const UniqueFd original = new_filesystem("tmpfs", {}, 0);
              const UniqueFd copy = clone_mount(original.get(), "", true);
              set_mount_attributes(copy.get(), {.set = MOUNT_ATTR_RDONLY, .recursive = true}, "copy");
              if (::openat(copy.get(), "a", O_CREAT | O_WRONLY, 0600) >= 0 || errno != EROFS)
                  return 1;
              return ::openat(original.get(), "a", O_CREAT | O_WRONLY, 0600) >= 0 ? 0 : 2;
          }) == 0);
}

TEST_CASE("after the pivot nothing of the old root is left") {
    if (!need_root())
        return;
    CHECK(in_mount_namespace([] {
              const UniqueFd root = new_filesystem("tmpfs", {}, 0);
              attach_mount(root.get(), AT_FDCWD, "/tmp");
              if (::mkdirat(root.get(), "inside", 0755) != 0)
                  return 1;
              pivot_into(root.get());
              return ::access("/inside", F_OK) == 0 && ::access("/etc", F_OK) != 0 &&
                             ::access("/../etc", F_OK) != 0
                         ? 0
                         : 2;
          }) == 0);
}
