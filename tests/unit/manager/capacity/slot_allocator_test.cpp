#include "manager/capacity/slot_allocator.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using sandbox::manager::SlotAllocator;

TEST_CASE("each slot is taken once, and then there is none") {
    SlotAllocator slots(3);
    CHECK(slots.take() == 0U);
    CHECK(slots.take() == 1U);
    CHECK(slots.take() == 2U);
    CHECK_FALSE(slots.take().has_value());
}

TEST_CASE("the slot that is unused for the longest time comes first") {
    SlotAllocator slots(3);
    static_cast<void>(slots.take());
    static_cast<void>(slots.take());
    slots.give_back(1);
    slots.give_back(0);
    CHECK(slots.take() == 2U);
    CHECK(slots.take() == 1U);
    CHECK(slots.take() == 0U);
}

TEST_CASE("a certain slot is taken only where it is free") {
    SlotAllocator slots(2);
    CHECK(slots.take(1));
    CHECK_FALSE(slots.take(1));
    CHECK_FALSE(slots.take(2));
    CHECK(slots.take() == 0U);
    CHECK(slots.free_count() == 0);
}

TEST_CASE("a slot that is given back twice is a defect that is told") {
    SlotAllocator slots(2);
    static_cast<void>(slots.take());
    slots.give_back(0);
    CHECK_THROWS_AS(slots.give_back(0), sandbox::Error);
    CHECK_THROWS_AS(slots.give_back(7), sandbox::Error);
}
