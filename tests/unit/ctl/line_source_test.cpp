#include "ctl/bell.hpp"
#include "ctl/line_source.hpp"
#include "sandbox/base/file.hpp"

#include <array>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>

using namespace sandbox;
using namespace sandbox::ctl;

TEST_CASE("lines that are piped in come one by one, the last without its end too") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const Bell bell;
    const auto lines = plain_lines(reader.get());
    write_all(writer.get(), "one\n\ntwo", "a pipe");
    const auto next = [&] { return lines->next(bell.fd(), [] { return true; }); };
    CHECK(next() == "one");
    CHECK(next() == "");
    writer.reset();
    CHECK(next() == "two");
    CHECK_FALSE(next());
}

TEST_CASE("while a line is waited for, the bell is heard, and can end it") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]), writer(ends[1]);
    const Bell bell;
    int heard = 0;
    const auto lines = plain_lines(reader.get());
    std::thread ringer([&] { bell.ring(); });
    const auto line = lines->next(bell.fd(), [&] {
        bell.silence();
        if (++heard == 1) {
            bell.ring();
            return true;
        }
        return false;
    });
    ringer.join();
    CHECK_FALSE(line);
    CHECK(heard == 2);
}
