#include "ctl/context/verb.hpp"

#include <utility>

#include <CLI/CLI.hpp>

namespace sandbox::ctl {

Option& Option::required() {
    option_->required();
    return *this;
}

Option& Option::one_of(std::initializer_list<const char*> words) {
    option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
    return *this;
}

Option& Option::show_default() {
    option_->capture_default_str();
    return *this;
}

Option& Option::of(const char* kind) {
    option_->type_name(kind);
    return *this;
}

Verb Verb::add_verb(const char* name, const char* help) {
    return Verb(*app_->add_subcommand(name, help));
}

void Verb::require_verb() {
    app_->require_subcommand(1);
    app_->fallthrough();
}

Option Verb::option(const char* names, std::string& value, const char* help) {
    return Option(app_->add_option(names, value, help));
}

Option Verb::option(const char* names, std::optional<double>& value, const char* help) {
    return Option(app_->add_option(names, value, help));
}

Option Verb::option(const char* names, std::optional<std::uint64_t>& value, const char* help) {
    return Option(app_->add_option(names, value, help));
}

Option Verb::option(const char* names, std::vector<std::string>& values, const char* help) {
    CLI::Option* added = app_->add_option(names, values, help)->take_all();
    if (*names == '-')
        added->allow_extra_args(false); // the words behind are the verb's arguments
    return Option(added);
}

void Verb::flag(const char* names, bool& value, const char* help) {
    app_->add_flag(names, value, help);
}

void Verb::run(std::function<void()> action) {
    app_->callback(std::move(action));
}

} // namespace sandbox::ctl
