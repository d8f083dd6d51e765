#include "standin/base/command.hpp"

#include "standin/base/settings.hpp"
#include "standin/base/text.hpp"

#include <charconv>

namespace standin {

std::string Words::take(const std::string& what) {
    if (empty())
        throw ParseError("Missing or invalid \"" + what + "\" argument: Expected a text string");
    return words_[next_++];
}

std::optional<std::string> Words::take_if_any() {
    if (empty())
        return std::nullopt;
    return words_[next_++];
}

bool Words::take_word(std::string_view word) {
    if (empty() || words_[next_] != word)
        return false;
    ++next_;
    return true;
}

unsigned long long Words::take_number(const std::string& what, unsigned long long most) {
    const std::string word = take(what);
    unsigned long long number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size())
        throw ParseError("Invalid \"" + what + "\" argument: Expected an integer");
    if (number > most)
        throw ParseError("Invalid \"" + what + "\" argument: Must be less than or equal to " +
                         std::to_string(most));
    return number;
}

unsigned long long Words::take_bytes(const std::string& what) {
    const auto bytes = parse_bytes(take(what));
    if (!bytes)
        throw ParseError("Invalid \"" + what + "\" argument: Expected a size, as 64M");
    return *bytes;
}

double Words::take_seconds(const std::string& what) {
    const auto time = parse_time(take(what));
    if (!time)
        throw ParseError("Invalid \"" + what + "\" argument: Expected a number");
    return static_cast<double>(time->count()) / 1000;
}

bool Words::take_bool(const std::string& what) {
    const std::string word = lower(take(what));
    if (word == "true" || word == "on" || word == "1")
        return true;
    if (word == "false" || word == "off" || word == "0")
        return false;
    throw ParseError("Invalid \"" + what + "\" argument: Expected true or false (or 1 or 0)");
}

void Words::end() const {
    if (!empty())
        throw ParseError("Expected fewer arguments");
}

} // namespace standin
