#include "ctl/arguments.hpp"

#include <catch2/catch.hpp>

using sandbox::ctl::end_options_at_number;
using Words = std::vector<std::string>;

TEST_CASE("a negative number in a command is a word of it, and all behind it") {
    CHECK(end_options_at_number({"exec", "abc", "turn", "y", "-30"}) ==
          Words{"exec", "abc", "turn", "y", "--", "-30"});
    CHECK(end_options_at_number({"exec", "abc", "move", "-.5", "1", "-2"}) ==
          Words{"exec", "abc", "move", "--", "-.5", "1", "-2"});
}

TEST_CASE("options stay options, and an end of options is not given twice") {
    for (const Words& words : {Words{"exec", "abc", "--json", "version"}, Words{"exec", "abc", "-f", "x.cxc"},
                               Words{"exec", "abc", "--", "turn", "-30"},
                               Words{"logs", "abc", "--tail", "-5"}, Words{"exec"}, Words{}})
        CHECK(end_options_at_number(words) == words);
}
