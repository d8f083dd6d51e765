#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/namespace.hpp"
#include "sandbox/kernel/netlink.hpp"

#include <algorithm>

#include <fcntl.h>

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

bool has_link(Netlink& netlink, const std::string& name) {
    return std::ranges::count(netlink.links(), name) == 1;
}

} // namespace

TEST_CASE("a veth pair has its ends in two namespaces, and both are named in errors") {
    if (!need_root())
        return;
    const UniqueFd here = new_network_namespace(), there = new_network_namespace();
    const auto open_in = [](const UniqueFd& netns) {
        const NetnsGuard guard(netns.get());
        return Netlink();
    };
    Netlink near = open_in(here), far = open_in(there);
    near.create_veth("cx0", "eth0", there.get());
    CHECK(has_link(near, "cx0"));
    CHECK_FALSE(has_link(near, "eth0"));
    CHECK(has_link(far, "eth0"));
    near.configure_link("cx0", "198.18.0.0", 31);
    far.configure_link("eth0", "198.18.0.1", 31);

    CHECK_THROWS_WITH(near.create_veth("cx0", "eth1", there.get()), Catch::Contains("cx0"));
    CHECK_THROWS_WITH(near.configure_link("cx0", "198.18.0.0", 31), Catch::Contains("198.18.0.0"));
    CHECK_THROWS_WITH(near.set_up("cx9"), Catch::Contains("cx9"));
    CHECK_THROWS_AS(near.configure_link("cx0", "not an address", 31), Error);

    CHECK(near.delete_link("cx0"));
    CHECK_FALSE(near.delete_link("cx0"));
    CHECK_FALSE(has_link(far, "eth0")); // a pair goes together
}
