#include "ctl/policy/policy_diff.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

namespace sandbox::ctl {
namespace {

/// A value and, of an array, its items.
struct Value {
    std::string text;
    std::vector<std::string> items;
    bool is_array = false;
};
using Fields = std::vector<std::pair<std::string, Value>>;

std::string text_of(const toml::node& node) {
    std::ostringstream text;
    node.visit([&](const auto& value) {
        using Type = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<Type, toml::table>) {
            toml::table line = value;
            line.is_inline(true);
            text << line;
        } else {
            text << value;
        }
    });
    return text.str();
}

void flatten(const toml::table& table, const std::string& prefix, Fields& fields) {
    // By place in the file: toml++ sorts keys by name.
    std::vector<std::pair<std::string, const toml::node*>> members;
    for (const auto& [key, node] : table)
        members.emplace_back(key.str(), &node);
    std::ranges::stable_sort(members, {}, [](const auto& one) {
        const toml::source_position at = one.second->source().begin;
        return std::pair(at.line, at.column);
    });
    for (const auto& [key, node] : members) {
        const std::string field = prefix.empty() ? key : prefix + "." + key;
        if (const toml::table* inner = node->as_table()) {
            flatten(*inner, field, fields);
            continue;
        }
        Value value;
        value.text = text_of(*node);
        if (const toml::array* array = node->as_array()) {
            value.is_array = true;
            for (const toml::node& item : *array)
                value.items.push_back(text_of(item));
        }
        fields.emplace_back(field, std::move(value));
    }
}

Fields fields_of(const std::string& text) {
    Fields fields;
    flatten(toml::parse(text), {}, fields);
    return fields;
}

std::string items_without(const Value& value, const Value& other) {
    std::string text;
    for (const std::string& item : value.items)
        if (std::ranges::find(other.items, item) == other.items.end())
            text += (text.empty() ? "" : ", ") + item;
    return text;
}

FieldDifference difference(const std::string& field, const Value& from, const Value& to) {
    if (!from.is_array || !to.is_array)
        return {field, from.text, to.text};
    FieldDifference found{field, items_without(from, to), items_without(to, from)};
    if (found.from.empty() && found.to.empty()) // the order is another
        return {field, from.text, to.text};
    return found;
}

} // namespace

std::vector<FieldDifference> policy_differences(const std::string& effective_from,
                                                const std::string& effective_to) {
    const Fields from = fields_of(effective_from), to = fields_of(effective_to);
    const auto find = [](const Fields& fields, const std::string& name) {
        return std::ranges::find(fields, name, &Fields::value_type::first);
    };
    std::vector<FieldDifference> found;
    for (const auto& [field, value] : from) {
        const auto other = find(to, field);
        if (other == to.end())
            found.push_back({field, value.text, {}});
        else if (other->second.text != value.text)
            found.push_back(difference(field, value, other->second));
    }
    for (const auto& [field, value] : to)
        if (find(from, field) == from.end())
            found.push_back({field, {}, value.text});
    return found;
}

} // namespace sandbox::ctl
