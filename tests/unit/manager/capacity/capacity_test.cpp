#include "manager/capacity/capacity.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

namespace {

Need need(const std::string& tenant, const std::string& policy = "p", Bytes memory = 1_GiB) {
    return {tenant, 2, policy, {}, memory};
}

} // namespace

TEST_CASE("a place is refused for the first limit that is met, the caller's own before the host's") {
    Capacity capacity({3, 100_GiB});
    CHECK(capacity.shortage(need("a")) == Shortage::none);
    capacity.add(need("a"));
    capacity.add(need("a"));
    CHECK(capacity.shortage(need("a")) == Shortage::tenant_sessions);
    CHECK(capacity.shortage(need("b")) == Shortage::none);
    capacity.add(need("b", "rare"));
    CHECK(capacity.shortage(need("a")) == Shortage::tenant_sessions);
    CHECK(capacity.shortage(need("b")) == Shortage::host_sessions);
    CHECK(capacity.sessions() == 3);
}

TEST_CASE("a policy's sessions are counted over all tenants") {
    Capacity capacity({10, 100_GiB});
    capacity.add(need("a", "rare"));
    Need another = need("b", "rare");
    another.policy_max = 1;
    CHECK(capacity.shortage(another) == Shortage::policy_sessions);
    another.policy_max = 2;
    CHECK(capacity.shortage(another) == Shortage::none);
    another.policy_max.reset();
    CHECK(capacity.shortage(another) == Shortage::none);
}

TEST_CASE("promises of memory stay within the budget to the byte, but a session alone always fits") {
    Capacity capacity({10, 3_GiB});
    CHECK(capacity.shortage(need("a", "p", 5_GiB)) == Shortage::none);
    capacity.add(need("a", "p", 2_GiB));
    CHECK(capacity.shortage(need("a", "p", 1_GiB)) == Shortage::none);
    CHECK(capacity.shortage(need("a", "p", {(1_GiB).value + 1})) == Shortage::memory_budget);
    CHECK(capacity.memory() == 2_GiB);
}

TEST_CASE("the budget is the site's, else most of the host's memory, times the overcommit") {
    CHECK(memory_promise(4_GiB, 64_GiB, 1) == 4_GiB);
    CHECK(memory_promise(4_GiB, 64_GiB, 2.5) == 10_GiB);
    CHECK(memory_promise({}, 100_GiB, 1) == 90_GiB);
    CHECK(memory_promise({}, 2_GiB, 1) == 1536_MiB);
    CHECK(memory_promise({}, 512_MiB, 1) == 256_MiB);
    CHECK(memory_promise({}, {}, 1) > 1024_GiB); // unknown
    CHECK(memory_promise({{std::uint64_t{1} << 62}}, {}, 1000).value < std::uint64_t{1} << 63);
}

TEST_CASE("what is the caller's own affair lets others pass, what is the host's does not") {
    CHECK_FALSE(concerns_all(Shortage::none));
    CHECK_FALSE(concerns_all(Shortage::tenant_sessions));
    CHECK_FALSE(concerns_all(Shortage::policy_sessions));
    CHECK(concerns_all(Shortage::host_sessions));
    CHECK(concerns_all(Shortage::memory_budget));
    CHECK(to_text(Shortage::memory_budget) == "memory_budget");
}
