#include "policy/files/toml_document.hpp"

#include "policy/files/toml_depth_guard.hpp"

#include <array>
#include <cstdio>

namespace sandbox::policy {
namespace {

constexpr std::size_t kMaxShown = 64;

std::string quoted(std::string_view text) {
    std::string shown = "\"";
    for (const char c : text.substr(0, kMaxShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            shown += '\\';
            shown += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            std::array<char, 8> hex{};
            std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(byte));
            shown += hex.data();
        } else {
            shown += c;
        }
    }
    return shown + (text.size() > kMaxShown ? "…\"" : "\"");
}

} // namespace

Document parse_document(const std::string& text, const std::string& origin) {
    check_nesting(text, origin);
    try {
        return {origin, toml::parse(text, origin)};
    } catch (const toml::parse_error& error) {
        const toml::source_position at = error.source().begin;
        throw Error(Errc::invalid_argument, origin + ":" + std::to_string(at.line) + ":" +
                                                std::to_string(at.column) + ": " +
                                                std::string(error.description()));
    }
}

const toml::node* find_node(const Document& document, const std::string& field) {
    return toml::at_path(document.root, field).node();
}

std::string position(const Document& document, const toml::source_region& source) {
    if (source.begin.line == 0)
        return document.origin + ": ";
    return (source.path ? *source.path : document.origin) + ":" + std::to_string(source.begin.line) + ":" +
           std::to_string(source.begin.column) + ": ";
}

std::string value_text(const toml::node& node) {
    if (const auto* text = node.as_string())
        return quoted(text->get());
    if (const auto* number = node.as_integer())
        return std::to_string(number->get());
    if (const auto* number = node.as_floating_point()) {
        std::array<char, 32> shown{};
        std::snprintf(shown.data(), shown.size(), "%.10g", number->get());
        return shown.data();
    }
    if (const auto* truth = node.as_boolean())
        return truth->get() ? "true" : "false";
    if (node.is_table())
        return "a table";
    if (node.is_array())
        return "an array";
    return "a date or time";
}

Error wrong_value(const Document& document, const toml::node& node, const std::string& field,
                  const std::string& must) {
    return {Errc::invalid_argument,
            position(document, node.source()) + field + ": value " + value_text(node) + ": " + must,
            {},
            field};
}

Error wrong_field(const Document& document, const std::string& field, const std::string& must,
                  const std::vector<std::string>& others) {
    const toml::node* value = find_node(document, field);
    const toml::node* written = value;
    for (const std::string& other : others)
        if (written == nullptr || written->source().begin.line == 0)
            if (const toml::node* node = find_node(document, other))
                written = node;
    return {Errc::invalid_argument,
            position(document, written == nullptr ? toml::source_region{} : written->source()) + field +
                (value == nullptr ? "" : ": value " + value_text(*value)) + ": " + must,
            {},
            field};
}

} // namespace sandbox::policy
