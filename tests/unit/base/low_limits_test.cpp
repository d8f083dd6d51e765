#include "sandbox/base/low_limits.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

namespace fs = std::filesystem;
using sandbox::LowLimit;

namespace {

/// What is too low where a process has these lines in its limits.
std::vector<LowLimit> low_with(const std::string& lines) {
    const fs::path proc = fs::temp_directory_path() / ("limits-" + std::to_string(::getpid()));
    fs::create_directories(proc / "7");
    std::ofstream(proc / "7/limits")
        << "Limit                     Soft Limit           Hard Limit           Units     \n"
        << lines;
    std::vector<LowLimit> low = sandbox::low_limits("7", proc);
    fs::remove_all(proc);
    return low;
}

} // namespace

TEST_CASE("hard limits that are too low for the work are told of with the setting that raises them") {
    const auto low =
        low_with("Max cpu time              unlimited            3600                 seconds   \n"
                 "Max file size             1024                 1024                 bytes     \n"
                 "Max open files            256                  256                  files     \n");
    REQUIRE(low.size() == 3);
    CHECK(low[0].what == "the hard limit \"Max cpu time\" is 3600");
    CHECK(low[1].cure.find("LimitFSIZE=infinity") != std::string::npos);
    CHECK(low[2].cure.find("LimitNOFILE=524288") != std::string::npos);
}

TEST_CASE("ordinary hard limits are good, and a soft one is not looked at") {
    CHECK(low_with("Max cpu time              1                    unlimited            seconds   \n"
                   "Max file size             unlimited            unlimited            bytes     \n"
                   "Max open files            64                   524288               files     \n"
                   "Max stack size            8388608              unlimited            bytes     \n"
                   "Max processes             1                    95000                processes \n")
              .empty());
}

TEST_CASE("a process that is not there has no limits to complain of") {
    CHECK(sandbox::low_limits("7", "/nonexistent").empty());
}
