#include "ctl/format/table.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::ctl;

TEST_CASE("a table's columns are as wide as their widest cell, numbers to the right") {
    Table table({{"ID"}, {"AGE", Align::right}});
    table.add({"abcdef", "5m"});
    table.add({"gh", "125m"});
    CHECK(table.text(0, true) == "ID       AGE\n"
                                 "abcdef    5m\n"
                                 "gh      125m\n");
}

TEST_CASE("a table without headers has its rows only, and their titles take no room") {
    Table table({{"A LONG TITLE"}, {"B"}});
    table.add({"x", "y"});
    CHECK(table.text(0, false) == "x  y\n");
}

TEST_CASE("a table that is wider than the terminal cuts only the columns that may shrink") {
    Table table({{"ID"}, {"NAME", Align::left, true}, {"STATE"}});
    table.add({"abcdefgh", "a name that is long", "ready"});
    CHECK(table.text(26, true) == "ID        NAME       STATE\n"
                                  "abcdefgh  a name t…  ready\n");
}

TEST_CASE("columns are not cut below four characters, and a reader that is no terminal gets all") {
    Table table({{"NAME", Align::left, true}});
    table.add({"0123456789"});
    CHECK(table.text(1, false) == "012…\n");
    CHECK(table.text(0, false) == "0123456789\n");
}

TEST_CASE("the width of a text counts its characters, not its bytes") {
    CHECK(text_width("äöü…") == 4);
    Table table({{"A"}, {"B"}});
    table.add({"äö", "x"});
    table.add({"abc", "y"});
    CHECK(table.text(0, false) == "äö   x\nabc  y\n");
}

TEST_CASE("a cell cannot steer the terminal or start a line") {
    Table table({{"A"}});
    table.add({"a\033[2Jb\nc\r\x7f"});
    CHECK(table.text(0, false) == "a?[2Jb?c??\n");
}

TEST_CASE("texts of tenants keep their lines, but no control character, also not those of two bytes") {
    CHECK(printable("a\n\tb\033]0;x\a", true) == "a\n\tb?]0;x?");
    CHECK(printable("x\xc2\x9b"
                    "31my") == "x?31my");
    CHECK(printable("\xc3\xa4\xc2\xa0") == "\xc3\xa4\xc2\xa0");
}

TEST_CASE("a row with too few cells is a defect that shows at once") {
    Table table({{"A"}, {"B"}});
    CHECK_THROWS_AS(table.add({"x"}), std::logic_error);
}
