#include "manager/capacity/fair_queue.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using Decision = FairQueue::Decision;

namespace {

void push(FairQueue& queue, const std::string& tenant, const std::string& ids) {
    for (const char id : ids)
        queue.push({tenant + id, tenant});
}

std::string take_all(FairQueue& queue, const std::function<Decision(const FairQueue::Entry&)>& look) {
    std::string order;
    while (const auto entry = queue.take(look))
        order += entry->id + " ";
    return order;
}

Decision take_any(const FairQueue::Entry&) {
    return Decision::take;
}

} // namespace

TEST_CASE("tenants take turns, and the oldest of each comes first, however many one has") {
    FairQueue queue;
    push(queue, "a", "12345");
    push(queue, "b", "12");
    push(queue, "c", "1");
    CHECK(queue.size() == 8);
    CHECK(queue.size_of("a") == 5);
    CHECK(take_all(queue, take_any) == "a1 b1 c1 a2 b2 a3 a4 a5 ");
    CHECK(queue.size() == 0);
    CHECK(queue.size_of("a") == 0);
}

TEST_CASE("a tenant that comes later waits for one turn of each who was there, not for all of theirs") {
    FairQueue queue;
    push(queue, "a", "1234");
    CHECK(queue.take(take_any)->id == "a1");
    push(queue, "b", "1");
    CHECK(take_all(queue, take_any) == "a2 b1 a3 a4 ");
}

TEST_CASE("who is passed over keeps the turn, and who may not be overtaken stops all behind") {
    FairQueue queue;
    push(queue, "a", "12");
    push(queue, "b", "12");
    const auto pass_a = [](const FairQueue::Entry& entry) {
        return entry.tenant == "a" ? Decision::pass : Decision::take;
    };
    CHECK(queue.take(pass_a)->id == "b1");
    CHECK(queue.take(take_any)->id == "a1");
    const auto stop_at_b = [](const FairQueue::Entry& entry) {
        return entry.tenant == "b" ? Decision::stop : Decision::take;
    };
    CHECK_FALSE(queue.take(stop_at_b));
    CHECK(take_all(queue, take_any) == "b2 a2 ");
}

TEST_CASE("within a tenant one that fits passes one that does not, which is then the first again") {
    FairQueue queue;
    push(queue, "a", "123");
    const auto not_the_first = [](const FairQueue::Entry& entry) {
        return entry.id == "a1" ? Decision::pass : Decision::take;
    };
    CHECK(queue.take(not_the_first)->id == "a2");
    CHECK(take_all(queue, take_any) == "a1 a3 ");
}

TEST_CASE("an entry leaves by its id, once, and with its last one the tenant") {
    FairQueue queue;
    push(queue, "a", "12");
    push(queue, "b", "1");
    CHECK(queue.remove("a1"));
    CHECK_FALSE(queue.remove("a1"));
    CHECK(queue.remove("b1"));
    CHECK(queue.size_of("b") == 0);
    CHECK(take_all(queue, take_any) == "a2 ");
}

TEST_CASE("deadlines are told nearest first, of all or of one tenant") {
    FairQueue queue;
    const SteadyTime start{};
    const auto at = [&](int seconds) { return start + std::chrono::seconds(seconds); };
    queue.push({"a1", "a", at(3)});
    queue.push({"a2", "a", at(1)});
    queue.push({"b1", "b", at(2)});
    CHECK(queue.deadlines() == std::vector<SteadyTime>{at(1), at(2), at(3)});
    CHECK(queue.deadlines_of("a") == std::vector<SteadyTime>{at(1), at(3)});
    CHECK(queue.deadlines_of("c").empty());
}
