#include "ctl/jobs/ending_command.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {
namespace {

using Words = std::vector<std::string>;

/// The commands of a line, each as its words. A `;` in quotes parts none.
std::vector<Words> commands_in(std::string_view line) {
    std::vector<Words> commands{{}};
    bool in_word = false;
    char quote = 0;
    for (const char c : line) {
        const bool is_blank = c == ' ' || c == '\t' || c == '\r';
        if (quote != 0 || (c != ';' && !is_blank)) {
            if (!in_word)
                commands.back().emplace_back();
            in_word = true;
            commands.back().back() += c;
            if (quote == c)
                quote = 0;
            else if (quote == 0 && (c == '"' || c == '\''))
                quote = c;
            continue;
        }
        in_word = false;
        if (c == ';')
            commands.emplace_back();
    }
    return commands;
}

/// Asking once too often does no harm.
bool is_short_for(const Words& words, std::size_t at, std::string_view whole, std::size_t least) {
    return at < words.size() && words[at].size() >= least && whole.starts_with(words[at]);
}

} // namespace

bool ends_chimerax(std::string_view line) {
    for (const Words& words : commands_in(line))
        if (is_short_for(words, 0, "exit", 2) || is_short_for(words, 0, "quit", 1) ||
            (is_short_for(words, 0, "remotecontrol", 3) && is_short_for(words, 1, "rest", 1) &&
             is_short_for(words, 2, "stop", 3)))
            return true;
    return false;
}

} // namespace sandbox::ctl
