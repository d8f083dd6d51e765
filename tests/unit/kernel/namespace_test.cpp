#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <filesystem>

#include <sched.h>
#include <sys/mount.h>

using namespace sandbox;
using namespace sandbox::kernel;

TEST_CASE("a new network namespace is another one, and the caller stays in its own") {
    if (!need_root())
        return;
    const std::uint64_t before = namespace_inode(open_own_namespace("net").get());
    const UniqueFd fresh = new_network_namespace();
    CHECK(namespace_inode(fresh.get()) != before);
    CHECK(namespace_inode(open_own_namespace("net").get()) == before);
}

TEST_CASE("a guard enters a namespace and goes back") {
    if (!need_root())
        return;
    const UniqueFd fresh = new_network_namespace();
    const std::uint64_t before = namespace_inode(open_own_namespace("net").get());
    {
        const NetnsGuard guard(fresh.get());
        CHECK(namespace_inode(open_own_namespace("net").get()) == namespace_inode(fresh.get()));
    }
    CHECK(namespace_inode(open_own_namespace("net").get()) == before);
}

TEST_CASE("a sysctl is written in the namespace that was meant") {
    if (!need_root())
        return;
    const UniqueFd fresh = new_network_namespace();
    const std::string before = read_file("/proc/sys/net/ipv4/ip_forward");
    write_net_sysctl(fresh.get(), "net/ipv4/ip_forward", before == "1\n" ? "0" : "1");
    CHECK(read_file("/proc/sys/net/ipv4/ip_forward") == before);
    const NetnsGuard guard(fresh.get());
    CHECK(read_file("/proc/sys/net/ipv4/ip_forward") != before);
}

TEST_CASE("a pin keeps a namespace, is found again, and is made once") {
    if (!need_root())
        return;
    CHECK(in_child([] {
              if (::unshare(CLONE_NEWNS) != 0 ||
                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                  return 1;
              const std::string path =
                  std::filesystem::temp_directory_path() / ("pin." + std::to_string(::getpid()));
              if (open_pinned_namespace(path))
                  return 2;
              UniqueFd fresh = new_network_namespace();
              const std::uint64_t inode = namespace_inode(fresh.get());
              pin_namespace(fresh.get(), path);
              fresh.reset();
              if (namespace_inode(open_pinned_namespace(path).get()) != inode)
                  return 3;
              try {
                  pin_namespace(new_network_namespace().get(), path);
                  return 4;
              } catch (const Error& error) {
                  if (error.code() != Errc::conflict)
                      return 5;
              }
              unpin_namespace(path);
              return std::filesystem::exists(path) ? 6 : 0;
          }) == 0);
}

TEST_CASE("an ordinary file is no pinned namespace") {
    CHECK_FALSE(open_pinned_namespace("/etc/passwd"));
}
