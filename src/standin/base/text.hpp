#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace standin {

/// A JSON string as Python's json.dumps writes it: ASCII only, `\uXXXX` for the rest, bytes that are not
/// UTF-8 as U+FFFD.
std::string quote(std::string_view text);

/// `["a", "b"]`, with Python's separators.
std::string quote_all(const std::vector<std::string>& texts);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Builds `{"a": 1, "b": "x"}` member by member, with Python's separators.
class JsonObject {
  public:
    JsonObject& raw(std::string_view name, std::string_view json);
    JsonObject& text(std::string_view name, std::string_view value) { return raw(name, quote(value)); }
    JsonObject& number(std::string_view name, long long value) { return raw(name, std::to_string(value)); }
    JsonObject& boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
    std::string str() const { return "{" + members_ + "}"; }

  private:
    std::string members_;
};

std::string_view trim(std::string_view text);
std::string lower(std::string_view text);

/// The words of a command. Quotes, single or double, hold words with spaces together.
std::vector<std::string> split_words(std::string_view text);

/// How far the first command of a line reaches: to a `;` outside of quotes, or to the end.
std::size_t end_of_command(std::string_view line);

} // namespace standin
