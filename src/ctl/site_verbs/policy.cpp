#include "ctl/context/verbs.hpp"
#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/policy/new_site_file.hpp"
#include "ctl/policy/policy_diff.hpp"
#include "ctl/policy/policy_learn.hpp"
#include "ctl/policy/policy_source.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "sandbox/policy/schemas.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct Options {
    std::string policies, vendor_policies, config = kSiteSettings;
    std::string name, other, tenant, base = "default", kind = "policy";
    std::vector<std::string> files;
    LearnWishes learn;
    bool effective = false;
};
using OptionsPtr = std::shared_ptr<Options>;

policy::PolicyFolders folders_of(const Options& options) {
    const bool are_given = !options.policies.empty() && !options.vendor_policies.empty();
    policy::PolicyFolders folders =
        are_given ? policy::PolicyFolders{} : settings_of(options.config).policy_folders();
    if (!options.policies.empty())
        folders.admin = options.policies;
    if (!options.vendor_policies.empty())
        folders.vendor = options.vendor_policies == "none" ? "" : options.vendor_policies;
    return folders;
}

/// A check must go on where the site's own settings are what is wrong.
policy::PolicyFolders folders_or_usual(const Options& options) {
    try {
        return folders_of(options);
    } catch (const Error&) {
        return policy::Site{}.policy_folders();
    }
}

/// As people say it: "admin over vendor".
std::string layer_words(policy::PolicyLayer layer) {
    std::string words(to_text(layer));
    std::ranges::replace(words, '-', ' ');
    return words;
}

/// One line a policy; one that is broken says why, and the others are shown all the same.
void list(Context& context, const Options& options) {
    Table table({{"NAME"},
                 {"LAYER"},
                 {"MEMORY", Align::right},
                 {"CPUS", Align::right},
                 {"PIDS", Align::right},
                 {"DESCRIPTION", Align::left, true}});
    Json names = Json::array();
    const policy::PolicyFolders folders = folders_of(options);
    for (const std::string& name : policy::list_policies(folders)) {
        try {
            const policy::Policy loaded = policy::load_policy(folders, name, policy::Trust::any_owner);
            const auto& resources = loaded.resources;
            names.push_back({{"name", name},
                             {"layer", to_text(loaded.layer)},
                             {"description", loaded.description},
                             {"digest", loaded.digest}});
            table.add({name, layer_words(loaded.layer), resources.memory_max.text(),
                       resources.cpus ? word(Json(*resources.cpus), {}) : "-",
                       std::to_string(resources.pids_max), loaded.description});
        } catch (const Error& error) {
            report(context.terminal, error);
            context.exit_status = 1;
        }
    }
    if (context.json()) {
        context.print(Json{{"policies", names}});
    } else if (context.globals.quiet || context.globals.format == Format::id) {
        for (const Json& item : names)
            context.terminal.out << word(item, {"name"}) << "\n";
    } else {
        context.print(table);
    }
}

void show(Context& context, const Options& options) {
    // Loading proves that it is right, also where the file is shown as it was written.
    const policy::LoadedPolicy loaded =
        policy::load_whole_policy(folders_of(options), options.name, policy::Trust::any_owner);
    const policy::Policy& policy = loaded.policy;
    const std::string text = options.effective ? policy::to_toml(policy) : read_file(loaded.path);
    if (context.json())
        context.print(Json{{"name", policy.name},
                           {"layer", to_text(policy.layer)},
                           {"digest", policy.digest},
                           {"toml", text}});
    else
        context.terminal.out << text;
}

/// All files are looked at; a bad one makes the exit status 2.
void check(Context& context, const Options& options) {
    const policy::PolicyFolders folders = folders_or_usual(options);
    for (const std::string& file : options.files) {
        try {
            const CheckedFile checked = check_file(file, folders);
            context.say(file + ": " + painted(context.terminal, "good", Colour::green) + " (" + checked.kind +
                        (checked.digest.empty() ? "" : ", digest " + checked.digest.substr(0, 12)) + ")");
        } catch (const Error& error) {
            const int status = report(context.terminal, error);
            if (context.exit_status == 0)
                context.exit_status = status;
        }
    }
}

void schema(const Context& context, const Options& options) {
    const std::string_view text = options.kind == "tenant" ? policy::tenant_schema()
                                  : options.kind == "site" ? policy::site_schema()
                                                           : policy::policy_schema();
    context.terminal.out << text << (text.ends_with('\n') ? "" : "\n");
}

/// A policy by its name, or a file.
policy::LoadedPolicy load_compared(const policy::PolicyFolders& folders, const std::string& what) {
    if (what.find('/') == std::string::npos && !what.ends_with(".toml"))
        return policy::load_whole_policy(folders, what, policy::Trust::any_owner);
    return policy::load_policy_file(what, folders, policy::Trust::any_owner);
}

/// What the vendor's own would be without the admin's layer.
policy::LoadedPolicy load_vendor(const policy::PolicyFolders& folders, const std::string& name) {
    if (folders.vendor.empty())
        throw Error(Errc::not_found,
                    "there are no policies of the vendor's to compare " + printable(name) + " with",
                    "Name two policies, or the vendor's folder with --vendor-policies.");
    return policy::load_whole_policy({folders.vendor}, name, policy::Trust::any_owner);
}

/// Profiles of the same name need not say the same: each layer may have one.
bool has_same_rules(const policy::LoadedPolicy& one, const policy::LoadedPolicy& other) {
    return one.seccomp_path == other.seccomp_path ||
           Json::parse(read_file(one.seccomp_path)) == Json::parse(read_file(other.seccomp_path));
}

void diff(Context& context, const Options& options) {
    const policy::PolicyFolders folders = folders_of(options);
    const bool is_own = options.other.empty();
    const policy::LoadedPolicy from =
        is_own ? load_vendor(folders, options.name) : load_compared(folders, options.name);
    const policy::LoadedPolicy to = load_compared(folders, is_own ? options.name : options.other);
    std::vector<FieldDifference> found =
        policy_differences(policy::to_toml(from.policy), policy::to_toml(to.policy));
    if (from.policy.seccomp_profile == to.policy.seccomp_profile && !has_same_rules(from, to))
        found.push_back(
            {"seccomp.profile", "the rules in " + from.seccomp_path, "those in " + to.seccomp_path});
    Json list = Json::array();
    Table table({{"FIELD"}, {"FROM", Align::left, true}, {"TO", Align::left, true}});
    for (const FieldDifference& one : found) {
        list.push_back({{"field", one.field}, {"from", one.from}, {"to", one.to}});
        table.add({one.field, one.from.empty() ? "-" : one.from, one.to.empty() ? "-" : one.to});
    }
    if (context.json())
        context.print(Json{{"differences", list}});
    else if (!context.globals.quiet && !found.empty())
        context.print(table);
    context.exit_status = found.empty() ? 0 : 1;
}

void plan(const Options& options) {
    std::vector<std::string> arguments{"--config", options.config, "--plan", options.name};
    using Option = std::pair<const char*, std::string>;
    for (const auto& [option, value] :
         {Option{"--tenant", options.tenant}, Option{"--policies", options.policies},
          Option{"--vendor-policies", options.vendor_policies}})
        if (!value.empty()) {
            arguments.emplace_back(option);
            arguments.push_back(value);
        }
    become_program(find_program("sandbox-launcher"), arguments);
}

void make(Context& context, const Options& options) {
    const std::string file = write_new_policy(folders_of(options), options.name, options.base);
    if (context.json())
        context.print(Json{{"name", options.name}, {"file", file}});
    else
        context.say(file +
                    " is written: change what you like in it, name it in the tenants that may use it, then "
                    "`sandboxctl admin reload` puts it in force.");
}

template <typename Action>
Verb add(Verb& verb, const char* name, const char* help, Action action) {
    Verb part = verb.add_verb(name, help);
    part.run(action);
    return part;
}

} // namespace

void add_policy(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("policy", "Look at policies and check them, where the site's files are");
    verb.require_verb();
    verb.option("--policies", options->policies, "The folder of the admin's policies; else the site's")
        .of("FOLDER");
    verb.option("--vendor-policies", options->vendor_policies,
                "The folder of the vendor's policies, below the admin's, or none; else the site's")
        .of("FOLDER");
    verb.option("--config", options->config, "The site's settings").of("FILE").show_default();

    add(verb, "ls", "List the policies, and which layer each is of",
        [options, &context] { list(context, *options); });
    Verb part = add(verb, "show", "Show one policy", [options, &context] { show(context, *options); });
    part.option("NAME", options->name, "The policy").of("POLICY").required();
    part.flag("--effective", options->effective, "With all that it extends, and every default");
    part = add(verb, "check", "Check files of policies, tenants or the site; exit status 2 for a bad one",
               [options, &context] { check(context, *options); });
    part.option("FILE", options->files, "The files").of("FILE").required();
    part = add(verb, "plan", "Show what the launcher would build, as JSON", [options] { plan(*options); });
    part.option("NAME", options->name, "The policy").of("POLICY").required();
    part.option("-t,--tenant", options->tenant, "For which tenant").of("TENANT");
    part = add(
        verb, "diff",
        "Compare two policies with all that they extend, or the vendor's with what counts under its name; "
        "exit status 1 where they differ",
        [options, &context] { diff(context, *options); });
    part.option("FROM", options->name, "A policy, or a file").of("POLICY_OR_FILE").required();
    part.option("TO", options->other, "Another; without, FROM is the vendor's, and this what counts")
        .of("POLICY_OR_FILE");
    part = add(verb, "new", "Write the file of a new policy, where the site's files are; as root",
               [options, &context] { make(context, *options); });
    part.option("NAME", options->name, "Its name: 1 to 64 of a-z, 0-9, _ and -").required();
    part.option("--extends", options->base,
                "The policy that it starts from; one of the vendor's of the same name, too")
        .of("POLICY")
        .show_default();
    part = add(verb, "learn", "Count the system calls of a session under a policy; by the API, for admins",
               [options, &context] { learn_policy(context, folders_of(*options), options->learn); });
    part.option("NAME", options->learn.policy, "The policy").of("POLICY").required();
    part.option("SCRIPT", options->learn.job.scripts,
                "Scripts that the session runs, as for run; without, it is yours until Ctrl-C")
        .of("FILE");
    part.option("-t,--tenant", options->learn.tenant, "Whose session it is").of("TENANT");
    part.option("--in", options->learn.job.in, "A file that the scripts find in /work; may come again")
        .of("FILE");
    part.option("--profile", options->learn.profile,
                "Write the seccomp profile that allows what was used, and no more; what other runs need is "
                "missing there")
        .of("FILE");
    part = add(verb, "schema", "Print the JSON Schema of the files",
               [options, &context] { schema(context, *options); });
    part.option("KIND", options->kind, "policy (the default), tenant or site")
        .one_of({"policy", "tenant", "site"});
}

} // namespace sandbox::ctl
