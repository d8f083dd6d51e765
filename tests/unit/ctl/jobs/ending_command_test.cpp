#include "ctl/jobs/ending_command.hpp"

#include <catch2/catch.hpp>

using sandbox::ctl::ends_chimerax;

TEST_CASE("lines that would end ChimeraX are known, short ones and those among others too") {
    for (const char* line : {"exit", "  exit 0", "quit", "qui", "exi force true", "remotecontrol rest stop",
                             "remote rest stop", "open 1abc; exit", "view;quit"}) {
        CAPTURE(line);
        CHECK(ends_chimerax(line));
    }
}

TEST_CASE("other lines are not") {
    for (const char* line : {"", "version", "open exit", "open \"a;exit\"", "remotecontrol rest start",
                             "close", "exits", "e", "save quit.pdb", "log text 'x ; quit'"}) {
        CAPTURE(line);
        CHECK_FALSE(ends_chimerax(line));
    }
}
