#include "ctl/jobs/archive.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::ctl;

TEST_CASE("a tar archive has a header for each file, whole blocks, and two empty ones at its end") {
    const std::string tar = make_tar("folder", {{"a", "hello"}, {"b", std::string(512, 'x')}, {"c", ""}},
                                     std::chrono::system_clock::from_time_t(1769850307));
    REQUIRE(tar.size() == 512 * (2 + 2 + 1 + 2));
    CHECK(tar.substr(0, 9) == std::string("folder/a\0", 9));
    CHECK(tar.substr(100, 7) == "0000600");
    CHECK(tar.substr(124, 11) == "00000000005");
    CHECK(tar.substr(257, 8) == std::string("ustar\0"
                                            "00",
                                            8));
    CHECK(tar.substr(512, 6) == std::string("hello\0", 6));
    CHECK(tar.substr(1024, 8) == "folder/b");
    CHECK(tar.substr(tar.size() - 1024) == std::string(1024, '\0'));
    // The checksum is of the header with its own field as spaces.
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(tar[i]);
    CHECK(std::stoul(tar.substr(148, 6), nullptr, 8) == sum);
    CHECK_THROWS(make_tar("folder", {{std::string(100, 'n'), ""}}, {}));
}

TEST_CASE("gzip makes little of much that is alike, and says how much it was") {
    const std::string packed = gzip(std::string(100000, 'x'));
    CHECK(packed.size() < 1000);
    CHECK(packed.substr(0, 3) == "\x1f\x8b\x08");
    CHECK(packed.substr(packed.size() - 4) == std::string("\xa0\x86\x01\x00", 4));
    CHECK(gzip("").size() >= 18);
}
