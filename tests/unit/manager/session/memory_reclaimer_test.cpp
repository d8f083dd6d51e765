#include "manager/session/memory_reclaimer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

namespace {

/// A group whose memory falls by a chunk with each write, down to `floor`, and from there no more.
struct Group {
    std::uint64_t memory = (100_MiB).value, floor = 0;
    int error = EAGAIN;          ///< of a write that could not move a whole chunk
    std::uint64_t under_way = 0; ///< on its way to the swap: falls once it had some time
    unsigned writes = 0, pauses = 0, stop_at = 1000;

    int write() {
        ++writes;
        if (memory < floor + kReclaimChunk.value) {
            memory = std::min(memory, floor); // a part of it
            return error;
        }
        memory -= kReclaimChunk.value;
        return 0;
    }
    void let_write() {
        ++pauses;
        floor -= std::exchange(under_way, 0);
    }
    Reclaimed reclaim() {
        return reclaim_in_chunks({.ask_chunk = [this] { return write(); },
                                  .memory_current = [this] { return memory; },
                                  .let_write = [this] { let_write(); },
                                  .stopped = [this] { return writes >= stop_at; }});
    }
};

} // namespace

TEST_CASE("memory is asked for until the kernel can move no more, and what went in the last write counts") {
    Group group{.floor = (30_MiB).value};
    const Reclaimed reclaimed = group.reclaim();
    CHECK(reclaimed.bytes == 70_MiB);
    CHECK(reclaimed.error == EAGAIN);
    CHECK(group.writes == 10); // 8 whole chunks, a part of one, and one for nothing
}

TEST_CASE("what is still being written out when the kernel says EAGAIN is asked for again") {
    Group group{.floor = (50_MiB).value, .under_way = (40_MiB).value};
    CHECK(group.reclaim().bytes == 90_MiB);
    CHECK(group.pauses == 1);
}

TEST_CASE("a reclaim ends where the memory does not fall, though the kernel says nothing") {
    Group group{.floor = (99_MiB).value, .error = 0};
    CHECK(group.reclaim().bytes == 1_MiB);
    CHECK(group.writes == 2);
}

TEST_CASE("single pages that come and go do not keep a reclaim alive") {
    Group group{.floor = (100_MiB).value - 4096};
    group.reclaim();
    CHECK(group.writes == 1);
}

TEST_CASE("another error ends a reclaim at once") {
    Group group{.floor = (90_MiB).value, .error = ENODEV};
    const Reclaimed reclaimed = group.reclaim();
    CHECK(reclaimed.error == ENODEV);
    CHECK(group.writes == 2);
}

TEST_CASE("a reclaim stops after the chunk that is under way") {
    Group group{.stop_at = 3};
    CHECK(group.reclaim().bytes == 24_MiB);
    CHECK(group.writes == 3);
}

TEST_CASE("nothing is asked for where it is stopped before it begins") {
    Group group{.stop_at = 0};
    CHECK(group.reclaim().bytes == Bytes{0});
    CHECK(group.writes == 0);
}
