#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/capability.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
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

TEST_CASE("a sysctl of a user namespace is read from outside, and the reader stays where it is") {
    if (!need_root())
        return;
    // A child that is in a user namespace of its own, and says so.
    std::array<int, 2> ends{}, hold{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::pipe(hold.data()) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(hold[1]);
        char byte = ::unshare(CLONE_NEWUSER) == 0 ? 'y' : 'n';
        try {
            write_all(open_fd("/proc/sys/user/max_user_namespaces", O_WRONLY).get(), "7", "the sysctl");
        } catch (const Error&) {
            byte = 'n';
        }
        static_cast<void>(::write(ends[1], &byte, 1) == 1 && ::read(hold[0], &byte, 1) == 1);
        ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ends[0], &byte, 1) == 1);
    const std::uint64_t before = namespace_inode(open_own_namespace("user").get());
    const std::string inside =
        read_user_sysctl(open_namespace(pid, "user").get(), "user/max_user_namespaces");
    CHECK(byte == 'y');
    CHECK(inside == "7");
    CHECK(namespace_inode(open_own_namespace("user").get()) == before);
    CHECK(read_file("/proc/sys/user/max_user_namespaces") != "7\n");
    CHECK_THROWS_AS(read_user_sysctl(open_namespace(pid, "user").get(), "user/no_such_thing"), Error);
    for (const int fd : {ends[0], ends[1], hold[0], hold[1]})
        ::close(fd);
    ::waitpid(pid, nullptr, 0);
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

TEST_CASE("a namespace that cannot be made says which sysctl is short, or that a right is missing") {
    const auto cure = [] {
        try {
            new_network_namespace();
        } catch (const Error& error) {
            return error.cure();
        }
        return std::string("it was made");
    };
    CHECK(in_child([&] {
              if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) // one is its own, to come back to
                  return 1;
              write_all(open_fd("/proc/sys/user/max_net_namespaces", O_WRONLY).get(), "1", "sysctl");
              return cure().find("user.max_net_namespaces") != std::string::npos ? 0 : 2;
          }) == 0);
    CHECK(in_child([&] {
              if (::unshare(CLONE_NEWUSER) != 0 || drop_all_capabilities() != 0)
                  return 1;
              const std::string said = cure();
              return said.find("max_net") == std::string::npos ? 0 : 2;
          }) == 0);
    CHECK(namespace_cure(ENOSPC, "user").find("user.max_user_namespaces") != std::string::npos);
    CHECK(namespace_cure(EPERM, "net").find("CAP_SYS_ADMIN") != std::string::npos);
    CHECK(namespace_cure(EIO, "net").empty());
}
