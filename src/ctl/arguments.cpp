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

std::vector<std::string> join_numbers(std::vector<std::string> arguments) {
    const auto verb = std::ranges::find(arguments, "exec");
    std::vector<std::string> joined(arguments.begin(), verb);
    for (auto word = verb; word != arguments.end(); ++word) {
        if (word != verb && is_negative_number(*word))
            joined.back() += " " + *word;
        else
            joined.push_back(*word);
    }
    return joined;
}

} // namespace sandbox::ctl
