#include "policy/schema/environment_name.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::policy;

TEST_CASE("a name of an environment variable is letters, digits and underscores") {
    for (const char* name : {"A", "_", "a1", "LONG_NAME_2"})
        CHECK(is_environment_name(name));
    for (const char* name : {"", "1a", "a-b", "a=b", "a b", "\xc3\xa9", "a*"})
        CHECK_FALSE(is_environment_name(name));
    CHECK(is_environment_name(std::string(128, 'a')));
    CHECK_FALSE(is_environment_name(std::string(129, 'a')));
}

TEST_CASE("no name or pattern that takes in what steers linker, libc, Python or the session is free") {
    for (const char* name :
         {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_*", "LD_X*", "L*", "GLIBC_TUNABLES", "PYTHONPATH", "PY*",
          "HOME", "H*", "HOME*", "PATH", "CHIMERAX_*", "CHIMERAX_START", "MALLOC_ARENA_MAX"})
        CHECK(is_reserved_environment(name));
    for (const char* name :
         {"TZ", "APP_*", "HOMEPAGE", "LANG", "LC_*", "PATHS", "LDX", "OMP_NUM_THREADS", "CHIMERAX_X"})
        CHECK_FALSE(is_reserved_environment(name));
}

TEST_CASE("a pattern takes its own name, or with a star all that begin like it") {
    const std::vector<std::string> patterns{"TZ", "APP_*"};
    CHECK(environment_allows(patterns, "TZ"));
    CHECK(environment_allows(patterns, "APP_"));
    CHECK(environment_allows(patterns, "APP_X"));
    CHECK_FALSE(environment_allows(patterns, "TZX"));
    CHECK_FALSE(environment_allows(patterns, "APP"));
    CHECK_FALSE(environment_allows({}, "TZ"));
}
