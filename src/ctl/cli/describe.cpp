#include "ctl/cli/cli_tree.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

Json option_json(const CLI::Option& option) {
    const bool is_argument = option.get_positional();
    Json names = Json::array();
    for (const std::string& name : option.get_snames())
        names.push_back("-" + name);
    for (const std::string& name : option.get_lnames())
        names.push_back("--" + name);
    const bool takes_value = option.get_items_expected_max() > 0;
    std::string value = takes_value && !is_argument ? option.get_type_name() : std::string();
    if (const std::size_t list = value.find('{'); list != std::string::npos)
        value = value.substr(list);
    return {{"name", is_argument ? Json(option.get_name()) : Json(nullptr)},
            {"names", names},
            {"value", value},
            {"help", option.get_description()},
            {"default", option.get_default_str()},
            {"environment", option.get_envname()},
            {"required", option.get_required()},
            {"repeats", option.get_items_expected_max() > 1}};
}

} // namespace

Json describe(const CLI::App& app) {
    Json options = Json::array(), verbs = Json::array();
    for (const CLI::Option* option : app.get_options())
        if (!option->get_group().empty())
            options.push_back(option_json(*option));
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
        verbs.push_back(describe(*verb));
    return {
        {"name", app.get_name()}, {"help", app.get_description()}, {"options", options}, {"verbs", verbs}};
}

} // namespace sandbox::ctl
