#include "policy/files/toml_depth_guard.hpp"
#include "policy/files/toml_document.hpp"
#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

std::string repeat(const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += text;
    return all;
}

} // namespace

TEST_CASE("half a million parts in one key, or brackets, are an error and no stack overflow") {
    const auto what = [](const std::string& text) {
        return std::string(error_of([&] { parse_document(text, "f"); }).what());
    };
    CHECK(what(repeat("a.", 500'000) + "a = 1") == "f:1:64: more than 32 parts of a key");
    CHECK(what("[" + repeat("a.", 500'000) + "a]") == "f:1:65: more than 32 parts of a key");
    CHECK(what("\nx = " + repeat("[", 500'000)) == "f:2:37: more than 32 brackets in each other");
    CHECK(what("x = " + repeat("{a=", 500'000)) == "f:1:101: more than 32 brackets in each other");
    CHECK(what(repeat("\"\".", 300'000) + "a = 1") == "f:1:96: more than 32 parts of a key");
}

TEST_CASE("what nests no deeper than any policy is left alone") {
    CHECK_NOTHROW(check_nesting(repeat("a.", 31) + "a = 1\n" + repeat("b.", 31) + "b = 1", "f"));
    CHECK_NOTHROW(
        check_nesting("x = " + repeat("[", 32) + repeat("]", 32) + "\ny = " + repeat("[", 32), "f"));
}

TEST_CASE("dots and brackets in strings and comments do not count") {
    const std::string many = repeat(".[{", 100);
    for (const std::string& text :
         {"x = \"" + many + "\\\"" + many + "\"", "x = '" + many + "\\'", "# " + many + "\nx = 1",
          "x = \"\"\"" + many + "\n\"" + many + "\"\"\"\"\"", "x = '''" + many + "\n''" + many + "'''",
          "x = \"\"\ny = '''''" + many + "'''"}) {
        INFO(text);
        CHECK_NOTHROW(check_nesting(text, "f"));
    }
}

TEST_CASE("a string that is never closed hides nothing on the next line") {
    CHECK_THROWS(check_nesting("x = \"abc\ny = " + repeat("[", 33), "f"));
}
