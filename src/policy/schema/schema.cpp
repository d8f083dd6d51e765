#include "policy/schema/schema.hpp"

#include "embedded_schemas.hpp"
#include "policy/schema/schema_messages.hpp"
#include "policy/schema/semantic_checks.hpp"
#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/policy/schemas.hpp"

#include <algorithm>
#include <regex>

#include <nlohmann/json.hpp>

namespace sandbox::policy {
namespace {

using Json = nlohmann::json;

/// Puts what a `$ref` names in its place; keywords beside it win.
void resolve(Json& schema, const Json& definitions) {
    if (!schema.is_structured())
        return;
    if (schema.is_object() && schema.contains("$ref")) {
        const auto name = schema["$ref"].get<std::string>().substr(std::string_view("#/$defs/").size());
        Json merged = definitions.at(name);
        schema.erase("$ref");
        merged.update(schema);
        schema = std::move(merged);
    }
    for (Json& child : schema)
        resolve(child, definitions);
}

bool has_type(const Json& schema, std::string_view name) {
    const auto type = schema.find("type");
    if (type == schema.end())
        return name == "string"; // an enum of strings
    if (type->is_array())
        return std::ranges::any_of(*type, [&](const Json& one) { return one == name; });
    return *type == name;
}

bool in_range(const Json& schema, double value) {
    // Written so that NaN is outside.
    return (!schema.contains("minimum") || value >= schema["minimum"].get<double>()) &&
           (!schema.contains("maximum") || value <= schema["maximum"].get<double>());
}

bool size_fits(const Json& schema, Bytes size) {
    return (!schema.contains("x-minimum") || size >= Bytes::parse(schema["x-minimum"].get<std::string>())) &&
           (!schema.contains("x-maximum") || size <= Bytes::parse(schema["x-maximum"].get<std::string>()));
}

bool duration_fits(const Json& schema, Duration duration) {
    return (!schema.contains("x-minimum") ||
            duration >= parse_duration(schema["x-minimum"].get<std::string>())) &&
           (!schema.contains("x-maximum") ||
            duration <= parse_duration(schema["x-maximum"].get<std::string>()));
}

bool has_format(const Json& schema, const std::string& text) {
    const std::string format = schema.value("format", "");
    if (format == "path")
        return is_normal_path(text);
    if (format == "text")
        return text.find('\0') == std::string::npos;
    try {
        if (format == "size")
            return size_fits(schema, Bytes::parse(text));
        if (format == "duration")
            return duration_fits(schema, parse_duration(text));
    } catch (const Error&) {
        return false;
    }
    return true;
}

bool string_fits(const Json& schema, const std::string& text) {
    if (const auto values = schema.find("enum"); values != schema.end())
        return std::ranges::any_of(*values, [&](const Json& value) { return value == text; });
    // The length first: std::regex recurses over the text.
    if (text.size() > schema.value("maxLength", std::size_t{4096}))
        return false;
    if (const auto pattern = schema.find("pattern"); pattern != schema.end())
        if (!std::regex_search(text, std::regex(pattern->get<std::string>())))
            return false;
    return has_format(schema, text);
}

bool integer_fits(const Json& schema, std::int64_t value) {
    if (schema.value("format", "") == "size")
        return value >= 0 && size_fits(schema, {static_cast<std::uint64_t>(value)});
    return in_range(schema, static_cast<double>(value));
}

/// Whether a value that is neither table nor array is what the schema wants.
bool scalar_fits(const Json& schema, const toml::node& node) {
    if (const auto* text = node.as_string()) {
        const auto unset = schema.find("x-unset");
        if (unset != schema.end() && *unset == text->get())
            return true;
        return has_type(schema, "string") && string_fits(schema, text->get());
    }
    if (const auto* number = node.as_integer())
        return (has_type(schema, "integer") || has_type(schema, "number")) &&
               integer_fits(schema, number->get());
    if (const auto* number = node.as_floating_point())
        return has_type(schema, "number") && in_range(schema, number->get());
    return node.is_boolean() && has_type(schema, "boolean");
}

class Checker {
  public:
    explicit Checker(const Document& document) : document_(document) {}

    void check(const Json& schema, const toml::node& node, const std::string& field) const {
        if (node.is_table() && has_type(schema, "object"))
            return check_table(schema, *node.as_table(), field);
        if (node.is_array() && has_type(schema, "array"))
            return check_array(schema, *node.as_array(), field);
        if (!scalar_fits(schema, node))
            throw wrong(schema, node, field);
    }

  private:
    Error wrong(const Json& schema, const toml::node& node, const std::string& field) const {
        const std::string must = "must be " + allowed_words(schema);
        if (schema.contains("x-secret"))
            return {
                Errc::invalid_argument, position(document_, node.source()) + field + ": " + must, {}, field};
        return wrong_value(document_, node, field, must);
    }

    Error at(const toml::source_region& source, const std::string& field, const std::string& what) const {
        return {Errc::invalid_argument,
                position(document_, source) + (field.empty() ? what : field + ": " + what),
                {},
                field};
    }

    void check_table(const Json& schema, const toml::table& table, const std::string& field) const {
        static const Json none = Json::object();
        const Json& properties = schema.contains("properties") ? schema["properties"] : none;
        for (const auto& [key, value] : table) {
            const std::string name(key.str());
            const std::string path = field.empty() ? name : field + "." + name;
            if (properties.contains(name))
                check(properties[name], value, path);
            else
                check_other(schema, key, value, path);
        }
        if (table.size() > schema.value("maxProperties", table.size()))
            throw at(table.source(), field,
                     "has " + std::to_string(table.size()) + " keys: at most " +
                         std::to_string(schema["maxProperties"].get<std::size_t>()) + " are allowed");
        if (const auto required = schema.find("required"); required != schema.end())
            for (const Json& name : *required)
                if (!table.contains(name.get<std::string>()))
                    throw at(table.source(), field.empty() ? name.get<std::string>() : field,
                             field.empty() ? "is missing: must be " + allowed_words(properties[name])
                                           : "has no " + name.get<std::string>());
    }

    /// A key that the schema does not name: its name and value follow common rules, or it is unknown.
    void check_other(const Json& schema, const toml::key& key, const toml::node& value,
                     const std::string& path) const {
        const auto rules = schema.find("additionalProperties");
        if (rules == schema.end() || !rules->is_object())
            throw Error(Errc::invalid_argument,
                        position(document_, key.source()) + printable(path) + ": unknown key" +
                            known_words(schema, key.str()),
                        {}, path);
        if (const auto names = schema.find("propertyNames");
            names != schema.end() && !string_fits(*names, std::string(key.str())))
            throw at(key.source(), printable(path), "the name must be " + allowed_words(*names));
        check(*rules, value, path);
    }

    void check_array(const Json& schema, const toml::array& array, const std::string& field) const {
        const std::size_t least = schema.value("minItems", std::size_t{0});
        const std::size_t most = schema.value("maxItems", array.size());
        if (array.size() < least || array.size() > most)
            throw at(array.source(), field,
                     "has " + std::to_string(array.size()) + " items: must be " + allowed_words(schema));
        for (std::size_t i = 0; i < array.size(); ++i) {
            const std::string path = field + "[" + std::to_string(i) + "]";
            check(schema["items"], array[i], path);
            for (std::size_t j = 0; schema.value("uniqueItems", false) && j < i; ++j)
                if (value_of(array[j]) == value_of(array[i]))
                    throw at(array[i].source(), path,
                             "is the same as " + field + "[" + std::to_string(j) + "]");
        }
    }

    static std::string value_of(const toml::node& node) {
        const auto* text = node.as_string();
        return text != nullptr ? text->get() : value_text(node);
    }

    const Document& document_;
};

void insert_default(toml::table& table, const std::string& name, const Json& value) {
    if (value.is_string())
        table.insert(name, value.get<std::string>());
    else if (value.is_boolean())
        table.insert(name, value.get<bool>());
    else if (value.is_number_integer())
        table.insert(name, value.get<std::int64_t>());
    else if (value.is_number())
        table.insert(name, value.get<double>());
    else if (value.is_array())
        table.insert(name, toml::array{});
    else
        table.insert(name, toml::table{});
}

void fill(const Json& schema, toml::table& table) {
    const auto properties = schema.find("properties");
    if (properties == schema.end())
        return;
    for (const auto& [name, property] : properties->items()) {
        if (!table.contains(name) && property.contains("default"))
            insert_default(table, name, property["default"]);
        if (toml::table* inner = table[name].as_table())
            fill(property, *inner);
    }
}

} // namespace

struct Schema::Content {
    Json schema;
};

Schema::Schema(std::string_view text) {
    Json schema = Json::parse(text);
    if (const auto found = schema.find("$defs"); found != schema.end()) {
        const Json definitions = *found;
        schema.erase("$defs");
        resolve(schema, definitions);
    }
    content_ = std::make_unique<const Content>(Content{std::move(schema)});
}

Schema::~Schema() = default;

void Schema::check(const Document& document) const {
    Checker(document).check(content_->schema, document.root, "");
}

void Schema::check_value(const std::string& field, const toml::node& value) const {
    const Json* schema = &content_->schema;
    for (std::size_t at = 0; at <= field.size();) {
        const std::size_t end = std::min(field.find('.', at), field.size());
        schema = &schema->at("properties").at(field.substr(at, end - at));
        at = end + 1;
    }
    if (!scalar_fits(*schema, value))
        throw Error(Errc::invalid_argument,
                    field + ": value " + value_text(value) + ": must be " + allowed_words(*schema), {},
                    field);
}

void Schema::fill_defaults(toml::table& table) const {
    fill(content_->schema, table);
}

const Schema& policy_file_schema() {
    static const Schema schema(embedded::kPolicy);
    return schema;
}

const Schema& tenant_file_schema() {
    static const Schema schema(embedded::kTenant);
    return schema;
}

const Schema& site_file_schema() {
    static const Schema schema(embedded::kSite);
    return schema;
}

std::string_view policy_schema() {
    return embedded::kPolicy;
}

std::string_view tenant_schema() {
    return embedded::kTenant;
}

std::string_view site_schema() {
    return embedded::kSite;
}

} // namespace sandbox::policy
