#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace sandbox::ctl {

bool takes_value(const CLI::Option& option);
/// By one of its names, `--output`. Options of outer verbs may stand behind the inner ones. None: null.
CLI::Option* find_option(CLI::App* verb, const std::string& name);
CLI::App* find_verb(CLI::App& app, const std::string& name);

/// Whether all that follows belongs to the verb's last argument, once it has so many: the words of a command
/// are ChimeraX's, also those that look like options.
bool takes_the_rest(const CLI::App& verb, std::size_t arguments);

/// The arguments with `--` before the first word behind which there are no options.
std::vector<std::string> close_options(CLI::App& app, std::vector<std::string> arguments);

} // namespace sandbox::ctl
