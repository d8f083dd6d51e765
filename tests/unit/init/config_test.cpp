#include "init/config.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

using namespace sandbox;

namespace {

bool read(const std::vector<std::string>& strings, init::Config& config, const std::string& rest = {}) {
    std::string text;
    for (const std::string& string : strings)
        text.append(string).push_back('\0');
    const UniqueFd fd(::memfd_create("config", MFD_CLOEXEC));
    write_all(fd.get(), text + rest, "config");
    ::lseek(fd.get(), 0, SEEK_SET);
    return init::read_config(fd.get(), config);
}

} // namespace

TEST_CASE("arguments and environment arrive as they were sent, empty ones too") {
    init::Config config;
    REQUIRE(read({"1", "4096", "/work", "3", "/bin/x", "", "a b", "1", "HOME=/h"}, config));
    CHECK(config.segment_bytes == 4096);
    CHECK(std::string(config.cwd) == "/work");
    CHECK(std::string(config.argv[0]) == "/bin/x");
    CHECK(std::string(config.argv[1]).empty());
    CHECK(std::string(config.argv[2]) == "a b");
    CHECK(config.argv[3] == nullptr);
    CHECK(std::string(config.env[0]) == "HOME=/h");
    CHECK(config.env[1] == nullptr);
}

TEST_CASE("what is not whole and well-formed is refused") {
    init::Config config;
    CHECK_FALSE(read({}, config));
    CHECK_FALSE(read({"2", "4096", "/", "1", "x", "0"}, config));              // another version
    CHECK_FALSE(read({"1", "0", "/", "1", "x", "0"}, config));                 // no room in a segment
    CHECK_FALSE(read({"1", "4096", "/", "0", "0"}, config));                   // nothing to execute
    CHECK_FALSE(read({"1", "4096", "/", "2", "x", "0"}, config));              // an argument is missing
    CHECK_FALSE(read({"1", "4096", "/", "1", "x", "0", "more"}, config));      // one too many
    CHECK_FALSE(read({"1", "4096", "/", "99999", "x"}, config));               // an absurd count
    CHECK_FALSE(read({"1", "4096", "/", "-1", "x", "0"}, config));             // no number
    CHECK_FALSE(read({"1", "4096", "/", "1", "x", "0"}, config, "cut"));       // the last string has no end
    CHECK_FALSE(read({std::string(protocol::init::kMaxConfig, 'x')}, config)); // too long
}
