#include "ctl/cli/cli.hpp"
#include "ctl/format/standard_output.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <csignal>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>

using namespace sandbox;
using ctl::DescriptorBuffer;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

struct Ran {
    int status;
    std::string err;
};

/// A verb whose standard output is that descriptor.
Ran run_into(int fd, std::vector<std::string> arguments) {
    const test::LoopbackApi api([](const std::string& request) {
        if (request.find("/files/") != std::string::npos)
            return test::json_answer(200, std::string(1 << 20, 'x'));
        return test::json_answer(200, R"({"sessions":[],"id":"abcdefghijklmnop","state":"ready"})");
    });
    if (!arguments.front().starts_with("__")) // for shells and manual pages: the first word, and no API
        arguments.insert(arguments.begin(), {"--host", api.address()});
    DescriptorBuffer buffer(fd, false);
    std::ostream out(&buffer);
    std::ostringstream err;
    const int status = ctl::run(arguments, {.out = out, .err = err});
    return {status, err.str()};
}

} // namespace

TEST_CASE("what is written comes out in order, and by lines where that is wanted") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd reader(ends[0]), writer(ends[1]);
    const auto read_some = [&] {
        std::string text(60000, '\0');
        const ssize_t got = ::read(reader.get(), text.data(), text.size());
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    };
    DescriptorBuffer whole(writer.get(), false), lines(writer.get(), true);
    std::ostream out(&whole), terminal(&lines);
    out << "one\n" << 2;
    CHECK(read_some().empty());
    out << std::string(20000, 'x') << std::flush;
    CHECK(read_some() == "one\n2" + std::string(20000, 'x'));
    terminal << "half";
    CHECK(read_some().empty());
    terminal << " a line\n";
    CHECK(read_some() == "half a line\n");
    CHECK(whole.failure() == 0);
}

TEST_CASE("whatever verb: a full disk behind standard output is said, and is an exit status") {
    const UniqueFd full = open_fd("/dev/full", O_WRONLY);
    const std::string path = std::string(kId) + ":m1";
    for (const auto& words : std::vector<std::vector<std::string>>{{"ls"},
                                                                   {"--help"},
                                                                   {"cp", "--help"},
                                                                   {"cp", path, "-"},
                                                                   {"completion", "bash"},
                                                                   {"__complete", "l"},
                                                                   {"__describe"},
                                                                   {"-o", "json", "status", kId}}) {
        CAPTURE(words);
        const Ran ran = run_into(full.get(), words);
        CHECK(ran.status == 1);
        CHECK(ran.err.find("cannot write to standard output: No space left on device") != std::string::npos);
    }
}

TEST_CASE("who reads no more of standard output is told nothing") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    reader.reset();
    const auto handler = ::signal(SIGPIPE, SIG_IGN);
    const Ran ran = run_into(writer.get(), {"cp", std::string(kId) + ":m1", "-"});
    ::signal(SIGPIPE, handler);
    CHECK(ran.status == 128 + SIGPIPE);
    CHECK(ran.err.empty());
}
