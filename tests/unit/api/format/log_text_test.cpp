#include "api/format/log_text.hpp"

#include <catch2/catch.hpp>

using sandbox::api::escape_log;
using sandbox::api::LogText;
using namespace std::string_view_literals;

TEST_CASE("plain text, line breaks, tabs and backslashes of a log stay as they are") {
    CHECK(escape_log("a b\n\tc \\x1b ~").compare("a b\n\tc \\x1b ~") == 0);
    CHECK(escape_log("").empty());
}

TEST_CASE("well-formed UTF-8 of two, three and four bytes stays as it is") {
    for (const std::string_view text : {"\xc2\xa0"sv, "\xc3\xa9"sv, "\xe0\xa0\x80"sv, "\xe2\x82\xac"sv,
                                        "\xee\x80\x80"sv, "\xf0\x9f\x98\x80"sv, "\xf4\x8f\xbf\xbf"sv})
        CHECK(escape_log(text) == text);
}

TEST_CASE("control characters, which drive a terminal, become their hex") {
    CHECK(escape_log("\x1b[31m") == "\\x1b[31m");
    CHECK(escape_log("a\rb\ac\x7f") == "a\\x0db\\x07c\\x7f");
    CHECK(escape_log("a\0b"sv) == "a\\x00b");
}

TEST_CASE("C1 controls become their hex, which terminals too take for the start of a sequence") {
    CHECK(escape_log("\xc2\x9b"
                     "31m") == "\\xc2\\x9b31m");
    CHECK(escape_log("\xc2\x80\xc2\x9f") == "\\xc2\\x80\\xc2\\x9f");
}

TEST_CASE("bytes that are no UTF-8 become their hex, and what follows them is read anew") {
    CHECK(escape_log("\x9b!") == "\\x9b!");
    CHECK(escape_log("\xff\xfe") == "\\xff\\xfe");
    CHECK(escape_log("\xc3(") == "\\xc3(");
    CHECK(escape_log("\xe2\x82") == "\\xe2\\x82");
    CHECK(escape_log("\xe2\x1b[") == "\\xe2\\x1b[");
    CHECK(escape_log("\xe2\xc3\xa9") == "\\xe2\xc3\xa9");
}

TEST_CASE("overlong forms, surrogates and points past U+10FFFF are no UTF-8") {
    CHECK(escape_log("\xc0\x9b") == "\\xc0\\x9b");
    CHECK(escape_log("\xe0\x80\x9b") == "\\xe0\\x80\\x9b");
    CHECK(escape_log("\xf0\x80\x80\x9b") == "\\xf0\\x80\\x80\\x9b");
    CHECK(escape_log("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(escape_log("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
}

TEST_CASE("a text that comes in pieces is the same as in one, wherever it is cut") {
    const std::string whole =
        "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x9b\xff\xe2\x82!\xf0\x9f\x98\xed\xa0\x80\xc3";
    for (std::size_t first = 0; first <= whole.size(); ++first)
        for (std::size_t second = first; second <= whole.size(); ++second) {
            LogText text;
            std::string all = text.add(std::string_view(whole).substr(0, first));
            all += text.add(std::string_view(whole).substr(first, second - first));
            all += text.add(std::string_view(whole).substr(second));
            CHECK(all + text.finish() == escape_log(whole));
        }
}

TEST_CASE("what waits for the rest of a character comes with it, and no later than the end") {
    LogText text;
    CHECK(text.add("caf\xc3") == "caf");
    CHECK(text.add("").empty());
    CHECK(text.add("\xa9!") == "\xc3\xa9!");
    CHECK(text.add("\xf0\x9f").empty());
    CHECK(text.finish() == "\\xf0\\x9f");
    CHECK(text.finish().empty());
}

TEST_CASE("a text that is cut in a character begins with the next one") {
    CHECK(LogText(true).add("\xa9\xa9 a") == " a");
    CHECK(LogText(true).add("a\xa9") == "a\\xa9");
    CHECK(LogText(false).add("\xa9 a") == "\\xa9 a");
}
