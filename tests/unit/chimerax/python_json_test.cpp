#include "python_json.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using sandbox::chimerax::replace_python_constants;

TEST_CASE("text without Python's constants stays as it is, also when it is no JSON") {
    for (const std::string text :
         {"", "{\"a\": [1, -2.5e3, true]}", "\"", "\"\\", "\"\\\"", "]]}", "Na", "-Inf"})
        CHECK(replace_python_constants(text) == text);
}

TEST_CASE("each of Python's three constants becomes null outside of strings only") {
    CHECK(replace_python_constants("[NaN,Infinity,-Infinity]") == "[null,null,null]");
    CHECK(replace_python_constants("\"NaN\\\"NaN\" NaN") == "\"NaN\\\"NaN\" null");
}

TEST_CASE("500 levels pass, 501 do not") {
    CHECK_NOTHROW(replace_python_constants(std::string(500, '[')));
    CHECK_THROWS_AS(replace_python_constants(std::string(501, '{')), sandbox::Error);
}
