#include "in_child.hpp"
#include "sandbox/kernel/capability.hpp"

#include <linux/capability.h>
#include <sched.h>

using namespace sandbox::kernel;

TEST_CASE("dropping leaves all five sets empty, for good") {
    CHECK(in_child([] {
              if (::unshare(CLONE_NEWUSER) != 0 || capabilities_of(::getpid()).empty())
                  return 1;
              if (drop_all_capabilities() != 0)
                  return 2;
              return capabilities_of(::getpid()).empty() ? 0 : 3;
          }) == 0);
}

TEST_CASE("a program that needs none gives up all that it could use, with no capability for that") {
    CHECK(in_child([] {
              if (::unshare(CLONE_NEWUSER) != 0)
                  return 1;
              keep_only_capabilities({"cap_net_bind_service"});
              give_up_capabilities();
              const CapabilitySets sets = capabilities_of(::getpid());
              return (sets.permitted | sets.effective | sets.inheritable | sets.ambient) == 0 ? 0 : 2;
          }) == 0);
}

TEST_CASE("keeping a few drops all others, from the bounding set too") {
    if (!need_root())
        return;
    CHECK(in_child([] {
              keep_only_capabilities({"cap_setpcap", "cap_kill", "cap_no_such"});
              const CapabilitySets sets = capabilities_of(::getpid());
              const std::uint64_t kept = (1ULL << CAP_SETPCAP) | (1ULL << CAP_KILL);
              return sets.permitted == kept && sets.effective == kept && (sets.bounding & ~kept) == 0 ? 0 : 1;
          }) == 0);
}
