#include "sandbox/base/error.hpp"
#include "sandbox/base/tar.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;

namespace {

Errc code_of(const std::string& name, std::uint64_t size) {
    try {
        tar_header(name, size, 1);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("no error");
    return {};
}

} // namespace

TEST_CASE("what does not fit into a tar archive is an error") {
    CHECK(tar_header(std::string(100, 'a'), 1, 1).size() == 512);
    CHECK(code_of(std::string(101, 'a'), 1) == Errc::too_large);
    CHECK(code_of("a", std::uint64_t{8} << 30) == Errc::too_large);
}

TEST_CASE("a content is filled up to whole blocks, and an empty one needs nothing") {
    CHECK(tar_padding(0).empty());
    CHECK(tar_padding(1).size() == 511);
    CHECK(tar_padding(512).empty());
    CHECK(tar_end() == std::string(1024, '\0'));
}
