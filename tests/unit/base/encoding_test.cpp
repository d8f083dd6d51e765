#include "sandbox/base/encoding.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;

TEST_CASE("what is UTF-8 is told from what is not") {
    for (const char* text :
         {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa7\xac", "\xf4\x8f\xbf\xbf"}) {
        INFO(text);
        CHECK(is_utf8(text));
    }
    for (const char* text : {"l\xe9.pdb", "\xc3", "a\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                             "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "\xf0\x80\x80\x80"}) {
        INFO(text);
        CHECK_FALSE(is_utf8(text));
    }
}

TEST_CASE("any bytes go through a URL and come back") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
        all += static_cast<char>(byte);
    CHECK(percent_decode(percent_encode(all)) == all);
    CHECK(percent_encode("a/b \xe9") == "a%2Fb%20%E9");
    CHECK(percent_encode("a/b \xe9", "/") == "a/b%20%E9");
    CHECK(percent_decode("%e9%E9~") == "\xe9\xe9~");
}

TEST_CASE("a percent sign without its two digits is no encoding") {
    for (const char* text : {"%", "%4", "a%zz", "%-1", "%4%"})
        CHECK_FALSE(percent_decode(text));
}

TEST_CASE("control characters and what is no UTF-8 are escaped, but those that are kept") {
    CHECK(escape_controls("a\nb\tc\x1b\x7f") == "a\\x0ab\\x09c\\x1b\\x7f");
    CHECK(escape_controls("a\nb\tc\x1b", "\n\t") == "a\nb\tc\\x1b");
    CHECK(escape_controls("caf\xc3\xa9\xc2\x9b\xe9 \\") == "caf\xc3\xa9\\xc2\\x9b\\xe9 \\");
    CHECK(escape_controls("").empty());
}
