#include "sandbox/base/bytes.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using sandbox::Bytes;

TEST_CASE("sizes are read as an admin writes them") {
    CHECK(Bytes::parse("0").value == 0);
    CHECK(Bytes::parse("1000").value == 1000);
    CHECK(Bytes::parse("1000B").value == 1000);
    CHECK(Bytes::parse("64K").value == 65536);
    CHECK(Bytes::parse("64k").value == 65536);
    CHECK(Bytes::parse("64KiB").value == 65536);
    CHECK(Bytes::parse("64KB").value == 65536);
    CHECK(Bytes::parse("4G").value == 4294967296);
    CHECK(Bytes::parse("1.5G").value == 1610612736);
    CHECK(Bytes::parse("9223372036854775807").value == 9223372036854775807U);
}

TEST_CASE("what is no size is refused with what is allowed") {
    for (const char* text :
         {"", "B", "iB", "G", "4Q", "-1", "+1", "4 G", "4GG", "4iB", "1.5", "1e3G", "0x10", "nan", "infG",
          "9223372036854775808", "9223372036854775807K", "99999999999999999999T"}) {
        INFO(text);
        CHECK_THROWS_MATCHES(Bytes::parse(text), sandbox::Error,
                             Catch::Predicate<sandbox::Error>([](const sandbox::Error& error) {
                                 return error.code() == sandbox::Errc::invalid_argument &&
                                        error.cure().find("4G") != std::string::npos;
                             }));
    }
}

TEST_CASE("a size's text reads back as the same size") {
    CHECK(Bytes{4ULL << 30}.text() == "4G");
    CHECK(Bytes{1536ULL << 20}.text() == "1536M");
    CHECK(Bytes{1000}.text() == "1000");
    CHECK(Bytes{0}.text() == "0");
    for (const std::uint64_t value : {1ULL, 1023ULL, 1024ULL, 123456789ULL, 1ULL << 62})
        CHECK(Bytes::parse(Bytes{value}.text()).value == value);
}
