#include "ctl/arguments.hpp"

#include <catch2/catch.hpp>

using sandbox::ctl::join_numbers;
using Words = std::vector<std::string>;

TEST_CASE("a negative number in a command is a part of it") {
    CHECK(join_numbers({"exec", "abc", "turn", "y", "-30"}) == Words{"exec", "abc", "turn", "y -30"});
    CHECK(join_numbers({"exec", "abc", "move", "-.5", "1", "-2"}) ==
          Words{"exec", "abc", "move -.5", "1 -2"});
    CHECK(join_numbers({"exec", "abc", "turn", "y", "-30", "--json"}) ==
          Words{"exec", "abc", "turn", "y -30", "--json"});
}

TEST_CASE("options stay options") {
    for (const Words& words : {Words{"exec", "abc", "--json", "version"}, Words{"exec", "abc", "-f", "x.cxc"},
                               Words{"logs", "abc", "--tail", "-5"}, Words{"exec"}, Words{}})
        CHECK(join_numbers(words) == words);
}
