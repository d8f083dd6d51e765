#include "policy/files/toml_document.hpp"
#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

TEST_CASE("a value is shown on one line, printable and cut short") {
    const Document document =
        parse_document("a = \"x\\n\\\"\xc3\xa9\"\nb = "
                       "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg'\n"
                       "c = 0x10\nd = 1e3\ne = {}\nf = []\ng = true\nh = 07:32:00",
                       "f");
    const auto shown = [&](const char* field) { return value_text(*find_node(document, field)); };
    CHECK(shown("a") == R"("x\x0a\"\xc3\xa9")");
    CHECK(shown("b") == "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg…\"");
    CHECK(shown("c") == "16");
    CHECK(shown("d") == "1000");
    CHECK(shown("e") == "a table");
    CHECK(shown("f") == "an array");
    CHECK(shown("g") == "true");
    CHECK(shown("h") == "a date or time");
}

TEST_CASE("an error stands at the first field of its rule that a file wrote") {
    Document document = parse_document("[a]\nb = 1\n", "f");
    document.root.insert("c", 2);
    CHECK(std::string(wrong_field(document, "a.b", "must").what()) == "f:2:5: a.b: value 1: must");
    CHECK(std::string(wrong_field(document, "c", "must", {"nope", "a.b"}).what()) ==
          "f:2:5: c: value 2: must");
    CHECK(std::string(wrong_field(document, "c", "must").what()) == "f: c: value 2: must");
}
