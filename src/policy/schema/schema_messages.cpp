#include "policy/schema/schema_messages.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::policy {
namespace {

using Json = nlohmann::json;

std::string number_text(const Json& number) {
    if (number.is_number_integer())
        return number.dump();
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.10g", number.get<double>());
    return text.data();
}

std::string range_words(const Json& schema, const char* low, const char* high) {
    const auto text = [&](const char* key) {
        return schema[key].is_string() ? schema[key].get<std::string>() : number_text(schema[key]);
    };
    if (schema.contains(low) && schema.contains(high))
        return " from " + text(low) + " to " + text(high);
    if (schema.contains(low))
        return " of at least " + text(low);
    if (schema.contains(high))
        return " of at most " + text(high);
    return "";
}

std::string enum_words(const Json& values) {
    std::string words;
    for (std::size_t i = 0; i < values.size(); ++i)
        words += (i == 0 ? "" : i + 1 == values.size() ? " or " : ", ") + values[i].dump();
    return words;
}

std::string count_words(const Json& schema, const char* low, const char* high, const char* what) {
    const std::size_t least = schema.value(low, std::size_t{0});
    if (!schema.contains(high))
        return "";
    const std::string most = std::to_string(schema[high].get<std::size_t>());
    return " of " + (least == 0 ? "at most " + most : std::to_string(least) + " to " + most) + " " + what;
}

std::string type_words(const Json& schema) {
    const std::string format = schema.value("format", "");
    if (format == "size")
        return "a size" + range_words(schema, "x-minimum", "x-maximum") + ", as \"512M\" or \"4G\"";
    if (format == "duration")
        return "a span of time" + range_words(schema, "x-minimum", "x-maximum") + ", as \"30s\" or \"1h30m\"";
    if (format == "path")
        return "an absolute path of at most " + std::to_string(schema.value("maxLength", 4095)) +
               " bytes without empty, . or .. parts";
    const Json& types = schema["type"];
    const auto type = (types.is_array() ? types[0] : types).get<std::string>();
    if (type == "integer")
        return "a whole number" + range_words(schema, "minimum", "maximum");
    if (type == "number")
        return "a number" + range_words(schema, "minimum", "maximum");
    if (type == "boolean")
        return "true or false";
    if (type == "array")
        return "an array" + count_words(schema, "minItems", "maxItems", "items");
    if (type == "object")
        return "a table";
    return "a string of at most " + std::to_string(schema.value("maxLength", 4096)) + " bytes without NUL";
}

/// Levenshtein's distance, for names of keys: both are short.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

} // namespace

std::string allowed_words(const Json& schema) {
    std::string words;
    if (schema.contains("x-allowed"))
        words = schema["x-allowed"].get<std::string>();
    else if (schema.contains("enum"))
        words = enum_words(schema["enum"]);
    else
        words = type_words(schema);
    if (schema.contains("x-unset"))
        words += ", or " + schema["x-unset"].dump();
    return words;
}

std::string known_words(const Json& schema, std::string_view unknown) {
    const auto properties = schema.find("properties");
    if (properties == schema.end())
        return "";
    std::string nearest;
    std::string all;
    std::size_t least = unknown.size() / 2 + 1;
    for (const auto& [name, property] : properties->items()) {
        all += (all.empty() ? "" : ", ") + name;
        if (unknown.size() > 64)
            continue;
        if (const std::size_t far = distance(unknown, name); far < least) {
            least = far;
            nearest = name;
        }
    }
    return nearest.empty() ? "; known here: " + all : "; did you mean \"" + nearest + "\"?";
}

std::string printable(std::string_view text) {
    constexpr std::size_t kMax = 128;
    std::string shown;
    for (const char c : text.substr(0, kMax)) {
        const auto byte = static_cast<unsigned char>(c);
        shown += byte < 0x20 || byte >= 0x7f ? '?' : c;
    }
    return shown + (text.size() > kMax ? "…" : "");
}

} // namespace sandbox::policy
