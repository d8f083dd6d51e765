#include "standin/base/options.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace standin {
namespace {

// Python's getopt: long options may be shortened to a unique prefix, `=` may join the value.
constexpr std::array<std::string_view, 6> kWithValue{"cmd",           "script",   "start",
                                                     "qtscalefactor", "toolshed", "module"};
constexpr std::array<std::string_view, 28> kPlain{
    "color",    "nocolor", "debug",       "nodebug",       "exit",          "noexit",    "gui",
    "nogui",    "help",    "lineprofile", "nolineprofile", "listioformats", "offscreen", "nooffscreen",
    "safemode", "silent",  "nosilent",    "status",        "nostatus",      "stereo",    "nostereo",
    "tools",    "notools", "usedefaults", "nousedefaults", "uninstall",     "version",   "multitouch"};

std::optional<std::string_view> full_name(std::string_view given, std::string& error) {
    std::vector<std::string_view> matches;
    const auto look = [&](std::string_view name) {
        if (name.starts_with(given))
            matches.push_back(name);
    };
    std::for_each(kWithValue.begin(), kWithValue.end(), look);
    std::for_each(kPlain.begin(), kPlain.end(), look);
    if (const auto exact = std::find(matches.begin(), matches.end(), given); exact != matches.end())
        return *exact;
    if (matches.size() == 1)
        return matches.front();
    error = "option --" + std::string(given) + (matches.empty() ? " not recognized" : " not a unique prefix");
    return std::nullopt;
}

void apply(Options& options, std::string_view name, const std::string& value) {
    if (name == "cmd")
        options.commands.push_back(value);
    else if (name == "script")
        options.scripts.push_back(value);
    else if (name == "gui" || name == "nogui")
        options.gui = name == "gui";
    else if (name == "offscreen" || name == "nooffscreen")
        options.offscreen = name == "offscreen";
    else if (name == "silent" || name == "nosilent")
        options.silent = name == "silent";
    else if (name == "exit" || name == "noexit")
        options.exit = name == "exit";
    else if (name == "version")
        options.version = true;
}

} // namespace

std::variant<Options, UsageError> parse_options(const std::vector<std::string>& arguments) {
    Options options;
    std::size_t i = 0;
    for (; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--") {
            ++i;
            break;
        }
        if (!argument.starts_with('-') || argument == "-")
            break;
        if (!argument.starts_with("--"))
            return UsageError{"option " + std::string(argument.substr(0, 2)) + " not recognized"};
        const std::size_t equals = argument.find('=');
        std::string error;
        const std::optional<std::string_view> name =
            full_name(argument.substr(2, equals == std::string_view::npos ? equals : equals - 2), error);
        if (!name)
            return UsageError{error};
        if (*name == "help")
            return UsageError{"help"};
        const bool wants_value = std::find(kWithValue.begin(), kWithValue.end(), *name) != kWithValue.end();
        std::string value;
        if (equals != std::string_view::npos) {
            if (!wants_value)
                return UsageError{"option --" + std::string(*name) + " must not have an argument"};
            value = argument.substr(equals + 1);
        } else if (wants_value) {
            if (++i == arguments.size())
                return UsageError{"option --" + std::string(*name) + " requires argument"};
            value = arguments[i];
        }
        apply(options, *name, value);
    }
    options.files.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
    return options;
}

} // namespace standin
