#include "ctl/cli/cli.hpp"
#include "loopback_api.hpp"

#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::LoopbackApi;
using test::Ran;
using test::run;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

/// A session whose log is not there any more.
std::string gone(const std::string& tail) {
    const nlohmann::json end{{"reason", "signalled"},
                             {"log_tail", tail},
                             {"log", {{"kept", false}, {"bytes", 0}, {"message", "It was kept for 7d."}}}};
    const nlohmann::json problem{{"code", "gone"},
                                 {"status", 410},
                                 {"detail", "the log is not there: It was kept for 7d."},
                                 {"session", {{"id", kId}, {"state", "ended"}, {"end", end}}}};
    return test::json_answer(410, problem.dump());
}

} // namespace

TEST_CASE("of a log that is not kept, the last lines of the end are shown, and where the rest went") {
    const LoopbackApi api([](const std::string&) { return gone("one\ntwo \x1b[31m"); });
    for (const std::vector<std::string>& options :
         {std::vector<std::string>{}, {"-f"}, {"--stream", "stderr"}, {"-f", "--tail", "9"}}) {
        std::vector<std::string> arguments{"logs", kId};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const Ran ran = run(api, arguments);
        CHECK(ran.status == 0);
        CHECK(ran.out == "one\ntwo ?[31m\n");
        CHECK(ran.err.find("the rest went with the session: It was kept for 7d.\n") != std::string::npos);
    }
    CHECK(run(api, {"logs", kId, "--tail", "1"}).out == "two ?[31m\n");
}

TEST_CASE("where nothing of a log is left, the exit status is 3, and the reason is said") {
    const LoopbackApi api([](const std::string&) { return gone(""); });
    const Ran ran = run(api, {"logs", kId});
    CHECK(ran.status == 3);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("It was kept for 7d.") != std::string::npos);
}

TEST_CASE("a log that cannot be written to its end is a failure, also of one that is followed") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(200, "a line\n"); });
    for (const char* option : {"--stream=stdout", "-f"}) {
        std::ostringstream out, err;
        out.setstate(std::ios::badbit); // as the stream is on a full disk
        CHECK(ctl::run({"--host", api.address(), "logs", kId, option}, {.out = out, .err = err}) == 1);
        CHECK(err.str().find("cannot be written") != std::string::npos);
    }
}
