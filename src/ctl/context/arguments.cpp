#include "ctl/context/arguments.hpp"

#include <CLI/CLI.hpp>

namespace sandbox::ctl {
namespace {

/// Whether the value of an option is the word behind it: `-o json`, and not `-ojson`.
bool wants_next(CLI::App* verb, const std::string& word) {
    if (word.starts_with("--")) {
        const CLI::Option* option = find_option(verb, word); // none with a `=` in it
        return option != nullptr && takes_value(*option);
    }
    for (std::size_t i = 1; i < word.size(); ++i) {
        const CLI::Option* option = find_option(verb, std::string("-") + word[i]);
        if (option == nullptr)
            return false;
        if (takes_value(*option))
            return i + 1 == word.size();
    }
    return false;
}

} // namespace

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

CLI::Option* find_option(CLI::App* verb, const std::string& name) {
    for (; verb != nullptr; verb = verb->get_parent())
        if (CLI::Option* option = verb->get_option_no_throw(name))
            return option;
    return nullptr;
}

CLI::App* find_verb(CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

bool takes_the_rest(const CLI::App& verb, std::size_t arguments) {
    return verb.get_name() == "exec" && arguments > 1; // ID COMMAND…
}

std::vector<std::string> close_options(CLI::App& app, std::vector<std::string> arguments) {
    CLI::App* verb = &app;
    std::size_t count = 0;
    for (auto word = arguments.begin(); word != arguments.end(); ++word) {
        if (*word == "--")
            break;
        if (word->size() > 1 && word->starts_with('-')) {
            if (wants_next(verb, *word) && ++word == arguments.end())
                break;
        } else if (CLI::App* inner = count == 0 ? find_verb(*verb, *word) : nullptr) {
            verb = inner;
        } else if (takes_the_rest(*verb, ++count)) {
            arguments.insert(word, "--");
            break;
        }
    }
    return arguments;
}

} // namespace sandbox::ctl
