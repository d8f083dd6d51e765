#pragma once

#include <string>
#include <variant>
#include <vector>

namespace standin {

/// What ChimeraX's command line can say, as far as it means something to the stand-in.
struct Options {
    std::vector<std::string> commands; ///< --cmd, in order
    std::vector<std::string> scripts;  ///< --script
    std::vector<std::string> files;    ///< arguments that are no options
    bool gui = true;
    bool offscreen = false;
    bool silent = false;
    bool exit = false;
    bool version = false;
};

/// Why a command line is refused; the program then ends with EX_USAGE, 64, as for --help.
struct UsageError {
    std::string text;
};

std::variant<Options, UsageError> parse_options(const std::vector<std::string>& arguments);

} // namespace standin
