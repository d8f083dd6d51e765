#include "arguments.hpp"

#include <algorithm>

namespace sandbox::ctl {
namespace {

bool is_negative_number(const std::string& word) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return word.size() > 1 && word[0] == '-' &&
           (is_digit(word[1]) || (word.size() > 2 && word[1] == '.' && is_digit(word[2])));
}

} // namespace

std::vector<std::string> end_options_at_number(std::vector<std::string> arguments) {
    const auto verb = std::ranges::find(arguments, "exec");
    const auto number = std::find_if(verb, arguments.end(), is_negative_number);
    if (number != arguments.end() && std::find(verb, number, "--") == number)
        arguments.insert(number, "--");
    return arguments;
}

} // namespace sandbox::ctl
