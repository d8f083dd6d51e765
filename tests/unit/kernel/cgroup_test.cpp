#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/kernel/namespace.hpp"
#include "sandbox/kernel/process.hpp"

#include <filesystem>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

/// A group of the test's own on a cgroup2 file system that only this process sees; removed with all that is
/// in it.
class OwnGroup {
  public:
    OwnGroup() {
        mount_ = std::filesystem::temp_directory_path() / ("cgroup_test." + std::to_string(::getpid()));
        std::filesystem::create_directory(mount_);
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("cgroup2", mount_.c_str(), "cgroup2", 0, nullptr) != 0)
            throw_errno("cannot mount cgroup2");
        root_ = CgroupDir::open(mount_);
        group_ = root_.create_child(name_);
    }
    ~OwnGroup() {
        group_.kill();
        group_.wait_unpopulated(std::chrono::seconds(5));
        root_.remove_child(name_);
        ::umount2(mount_.c_str(), MNT_DETACH);
        std::filesystem::remove(mount_);
    }
    const CgroupDir& operator*() const { return group_; }
    const CgroupDir* operator->() const { return &group_; }
    const CgroupDir& root() const { return root_; }
    const std::string& name() const { return name_; }

  private:
    std::string mount_;
    std::string name_ = "cgroup_test." + std::to_string(::getpid());
    CgroupDir root_, group_;
};

int with_group(const std::function<int(const OwnGroup&)>& body) {
    return in_child([&] {
        const OwnGroup group;
        return body(group);
    });
}

pid_t sleeper_in(const CgroupDir& group) {
    const CloneResult clone = clone_process(0, group.fd());
    if (clone.pid == 0)
        for (;;)
            ::pause();
    return clone.pid;
}

} // namespace

TEST_CASE("a process is born in its group, seen there, and killed with it") {
    if (!need_root())
        return;
    CHECK(with_group([](const OwnGroup& group) {
              if (group->populated())
                  return 1;
              const pid_t pid = sleeper_in(*group);
              if (group->processes() != std::vector<pid_t>{pid} || !group->populated())
                  return 2;
              if (group->wait_unpopulated(std::chrono::milliseconds(20)))
                  return 3;
              group->kill();
              if (!group->wait_unpopulated(std::chrono::seconds(5)))
                  return 4;
              ::waitpid(pid, nullptr, 0);
              return 0;
          }) == 0);
}

TEST_CASE("a group that exists is never made again") {
    if (!need_root())
        return;
    CHECK(with_group([](const OwnGroup& group) {
              group->create_child("one");
              try {
                  group->create_child("one");
                  return 1;
              } catch (const Error& error) {
                  return error.code() == Errc::conflict ? 0 : 2;
              }
          }) == 0);
}

TEST_CASE("groups are removed from the leaves up, but not with a process in them") {
    if (!need_root())
        return;
    CHECK(with_group([](const OwnGroup& group) {
              const CgroupDir below = group->create_child("one").create_child("two");
              const pid_t pid = sleeper_in(below);
              if (group->remove_child("one"))
                  return 1;
              below.kill();
              below.wait_unpopulated(std::chrono::seconds(5));
              ::waitpid(pid, nullptr, 0);
              return group->remove_child("one") && group->children().empty() && group->remove_child("one")
                         ? 0
                         : 2;
          }) == 0);
}

TEST_CASE("a frozen process does not run until it is thawed") {
    if (!need_root())
        return;
    CHECK(with_group([](const OwnGroup& group) {
              const pid_t pid = sleeper_in(*group);
              group->freeze(true);
              while (group->read_keyed(cgroup_file::kEvents)["frozen"] != 1)
                  ::sched_yield();
              group->freeze(false);
              while (group->read_keyed(cgroup_file::kEvents)["frozen"] != 0)
                  ::sched_yield();
              group->kill();
              ::waitpid(pid, nullptr, 0);
              return 0;
          }) == 0);
}

TEST_CASE("max is no number, and what is no number is an error that names the file") {
    if (!need_root())
        return;
    CHECK(with_group([](const OwnGroup& group) {
              if (group->read_u64(cgroup_file::kMaxDescendants))
                  return 1;
              group->write(cgroup_file::kMaxDescendants, "7");
              if (group->read_u64(cgroup_file::kMaxDescendants) != 7U)
                  return 2;
              try {
                  group->read_u64(cgroup_file::kEvents);
                  return 3;
              } catch (const Error& error) {
                  return std::string(error.what()).find("cgroup.events") != std::string::npos ? 0 : 4;
              }
          }) == 0);
}

TEST_CASE("a folder of another file system is refused with the cure") {
    CHECK_THROWS_MATCHES(CgroupDir::open("/tmp"), Error, Catch::Predicate<Error>([](const Error& error) {
                             return error.code() == Errc::unsupported &&
                                    error.cure().find("unified") != std::string::npos;
                         }));
}

TEST_CASE("a number of CPUs becomes quota and period") {
    CHECK(cpu_max_text(0.5) == "50000 100000");
    CHECK(cpu_max_text(2.0) == "200000 100000");
    CHECK(cpu_max_text(0.001) == "1000 100000");
    CHECK(cpu_max_text(std::nullopt) == "max 100000");
}

TEST_CASE("a cgroup namespace has the group that was meant as its root, and leaves nobody in it") {
    if (!need_root())
        return;
    CHECK(in_child([] {
              const OwnGroup group;
              const CgroupDir leaf = group->create_child("leaf");
              const UniqueFd made = new_cgroup_namespace(group->fd());
              if (!group->wait_unpopulated(std::chrono::seconds(5)))
                  return 1;
              const CloneResult clone = clone_process(0, leaf.fd());
              if (clone.pid == 0) {
                  const bool there = ::setns(made.get(), CLONE_NEWCGROUP) == 0 &&
                                     read_file("/proc/self/cgroup").find("0::/leaf\n") != std::string::npos;
                  ::_exit(there ? 0 : 2);
              }
              int status = 0;
              ::waitpid(clone.pid, &status, 0);
              return WEXITSTATUS(status);
          }) == 0);
}
