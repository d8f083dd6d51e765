#include "world.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::FakeSandbox;
using sandbox::test::TempDir;
using sandbox::test::World;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const std::string kSwaps = "Filename Type Size Used Priority\n/dev/sda2 partition 1048576 0 -2\n";

/// A frozen session's group in a folder, whose memory.reclaim is a pipe: writing to it can take its time.
struct Resting {
    Resting() {
        write_swaps(kSwaps);
        sandbox().write("memory.current", "1000\n");
        sandbox().write("memory.swap.max", "max\n");
        sandbox().write("memory.swap.current", "0\n");
        REQUIRE(::mkfifo(pipe_path().c_str(), 0600) == 0);
        pipe = UniqueFd(::open(pipe_path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    }
    ~Resting() {
        if (pipe)
            drain();
    }

    FakeSandbox& sandbox() { return world.launcher->sandbox(id); }
    fs::path pipe_path() { return sandbox().folder / "memory.reclaim"; }
    void write_swaps(const std::string& text) { std::ofstream(proc.path / "swaps") << text; }
    std::string drain() {
        std::string text(1 << 20, '\0');
        const ssize_t count = ::read(pipe.get(), text.data(), text.size());
        text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return text;
    }
    void fill() {
        const std::string page(4096, 'x');
        while (::write(pipe.get(), page.data(), page.size()) > 0) {
        }
    }
    SessionView freeze() { return world.run(world.manager().set_frozen(id, true)); }
    SessionView view() { return world.manager().get(id); }
    SessionView::FreezeInfo until_rested() {
        world.until([&] { return view().rest && view().rest->reclaimed; }, "its memory was reclaimed");
        return *view().rest;
    }

    TempDir proc;
    UniqueFd pipe; ///< both ends
    World world{[this](policy::Site&, Tuning& tuning) { tuning.proc = proc.path.string(); }};
    const std::string id = world.ready().session.id;
};

} // namespace

TEST_CASE("the memory of a frozen session is reclaimed, and a thawed one says nothing of it") {
    Resting resting;
    resting.freeze();
    CHECK(resting.until_rested().reclaimed == Bytes{0}); // this one's does not fall
    CHECK(resting.view().rest->frozen_at > resting.view().created_at);
    CHECK(resting.drain() == "8388608");
    CHECK((*resting.world.launcher)->reclaims == std::vector{protocol::Reclaim{resting.id}});
    resting.world.run(resting.world.manager().set_frozen(resting.id, false));
    CHECK_FALSE(resting.view().rest.has_value());
}

TEST_CASE("a request that thaws a session does not wait for the reclaim") {
    Resting resting;
    resting.fill(); // the kernel does not come back from the first write
    resting.freeze();
    resting.world.until([&] { return !(*resting.world.launcher)->reclaims.empty(); }, "it is asked for");
    CHECK_FALSE(resting.view().rest->reclaimed.has_value());
    CHECK(resting.world.run(resting.world.run_command(resting.id, "version")).status == 200);
    CHECK(resting.world.state(resting.id) == State::ready);
    CHECK_FALSE(resting.view().rest.has_value());
    resting.drain();
    resting.freeze(); // what is left of the first says nothing of the second
    CHECK(resting.until_rested().reclaimed == Bytes{0});
    CHECK((*resting.world.launcher)->reclaims.size() == 2);
}

TEST_CASE("why memory is not reclaimed, or no more of it, is told") {
    Resting resting;
    std::string why;
    std::size_t asked = 0;
    SECTION("no memory controller") {
        fs::remove(resting.pipe_path());
        why = "no memory.reclaim";
    }
    SECTION("no swap") {
        resting.write_swaps("Filename Type Size Used Priority\n");
        why = "the host has no swap";
    }
    SECTION("no swap for this policy") {
        resting.sandbox().write("memory.swap.max", "0\n");
        why = "memory_swap_max is 0";
    }
    SECTION("all the swap that the policy allows is used") {
        resting.sandbox().write("memory.swap.max", "67108864\n");
        resting.sandbox().write("memory.swap.current", "67000000\n");
        why = "memory_swap_max of 64M is used up";
        asked = 1;
    }
    SECTION("the kernel moves nothing") {
        why = "the kernel found nothing to move";
        asked = 1;
    }
    resting.freeze();
    CHECK_THAT(resting.until_rested().not_reclaimed, Catch::Contains(why));
    CHECK((*resting.world.launcher)->reclaims.size() == asked);
}

TEST_CASE("the next manager knows what became of a frozen session's memory") {
    Resting resting;
    resting.sandbox().write("cgroup.freeze", "1\n");
    std::size_t asked = 1;
    SECTION("it was reclaimed") {
        resting.freeze();
        resting.until_rested();
    }
    SECTION("it was about to be, and that begins again") {
        resting.fill();
        resting.freeze();
        resting.world.until([&] { return !(*resting.world.launcher)->reclaims.empty(); }, "it is asked for");
        resting.drain();
        asked = 2;
    }
    const auto frozen_at = resting.view().rest->frozen_at;
    resting.world.restart_manager();
    CHECK(resting.world.wait(resting.id, State::frozen).rest->frozen_at == frozen_at);
    resting.until_rested();
    CHECK((*resting.world.launcher)->reclaims.size() == asked);
}
