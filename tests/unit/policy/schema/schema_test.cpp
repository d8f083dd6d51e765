#include "policy/schema/schema.hpp"
#include "policy_folder.hpp"
#include "sandbox/policy/schemas.hpp"

#include <set>

#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

using Json = nlohmann::json;

/// Calls `look` with every field of a schema and its dotted name, also below arrays and $defs.
void each_field(const Json& schema, const std::string& name,
                const std::function<void(const Json&, const std::string&)>& look) {
    look(schema, name);
    if (schema.contains("properties"))
        for (const auto& [key, property] : schema["properties"].items())
            each_field(property, name + "." + key, look);
    if (schema.contains("items"))
        each_field(schema["items"], name + "[]", look);
    if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
        each_field(schema["additionalProperties"], name + ".*", look);
    if (schema.contains("$defs"))
        for (const auto& [key, definition] : schema["$defs"].items())
            each_field(definition, "$defs." + key, look);
}

void each_field_of_all(const std::function<void(const Json&, const std::string&)>& look) {
    for (const std::string_view text : {policy_schema(), tenant_schema(), site_schema()})
        each_field(Json::parse(text), "", look);
}

std::string wrong(const char* schema, const char* text) {
    return error_of([&] { Schema(schema).check(parse_document(text, "f")); }).what();
}

} // namespace

TEST_CASE("every field of the schemas has a description of one sentence") {
    each_field_of_all([](const Json& field, const std::string& name) {
        INFO(name);
        REQUIRE(field.contains("description"));
        const auto text = field["description"].get<std::string>();
        CHECK(text.size() > 10);
        CHECK(text.ends_with("."));
    });
}

TEST_CASE("every object of the schemas refuses keys that it does not name, or says what they must be") {
    each_field_of_all([](const Json& field, const std::string& name) {
        INFO(name);
        if (field.contains("properties"))
            CHECK(field.value("additionalProperties", Json()) == false);
    });
}

TEST_CASE("every pattern of the schemas has a length before it and words for people") {
    each_field_of_all([](const Json& field, const std::string& name) {
        INFO(name);
        if (!field.contains("pattern"))
            return;
        CHECK(field.contains("maxLength"));
        // A pattern that only guards the word for "no value" is in the words already.
        if (!field.contains("x-unset"))
            CHECK(field.contains("x-allowed"));
    });
}

TEST_CASE("every keyword of the schemas is one that the checker knows") {
    const std::set<std::string> known{
        "$schema",    "title",    "description",   "type",          "additionalProperties",
        "properties", "required", "maxLength",     "pattern",       "x-allowed",
        "default",    "$ref",     "x-unset",       "maxItems",      "minItems",
        "items",      "format",   "maxProperties", "propertyNames", "x-minimum",
        "x-maximum",  "enum",     "minimum",       "maximum",       "uniqueItems",
        "$defs",      "x-secret"};
    each_field_of_all([&](const Json& field, const std::string& name) {
        for (const auto& [keyword, value] : field.items()) {
            INFO(name << " " << keyword);
            CHECK(known.contains(keyword));
        }
    });
}

TEST_CASE("the defaults of the schemas pass the schemas") {
    for (const Schema* schema : {&policy_file_schema(), &site_file_schema()}) {
        Document document = parse_document("", "f");
        schema->fill_defaults(document.root);
        CHECK_NOTHROW(schema->check(document));
        CHECK(document.root.size() > 5);
    }
}

TEST_CASE("a long string never reaches the pattern") {
    // std::regex would recurse once a character.
    CHECK_THAT(
        wrong(
            R"({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a|b)*$", "maxLength": 8, "x-allowed": "short"}}})",
            ("a = \"" + std::string(1'000'000, 'a') + "\"").c_str()),
        Catch::StartsWith("f:1:5: a: value \"aaaa") && Catch::EndsWith("must be short"));
}

TEST_CASE("unknown keys are shown without control characters and cut short") {
    const char* schema = R"({"type": "object", "additionalProperties": false, "properties": {"name": {}}})";
    CHECK(wrong(schema, "\"a\\u001bb\" = 1") == "f:1:1: a?b: unknown key; known here: name");
    CHECK(wrong(schema, ("\"" + std::string(1000, 'x') + "\" = 1").c_str()).size() < 300);
    CHECK(wrong(schema, "nmae = 1") == "f:1:1: nmae: unknown key; did you mean \"name\"?");
}

TEST_CASE("more keys than a table may have are refused") {
    const char* schema =
        R"({"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 1})";
    CHECK_NOTHROW(Schema(schema).check(parse_document("a = 1", "f")));
    CHECK_THAT(wrong(schema, "a = 1\nb = 2"), Catch::Contains("has 2 keys: at most 1 are allowed"));
}
