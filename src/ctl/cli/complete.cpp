#include "ctl/cli/cli_tree.hpp"
#include "ctl/context/arguments.hpp"
#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/policy/policy_source.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// Somebody waits for the answer with a finger on the key.
constexpr Duration kLiveTimeout = std::chrono::milliseconds(700);

/// Where the words before the last one lead.
struct Place {
    CLI::App* verb;
    std::size_t arguments = 0;     ///< of this verb, so far
    CLI::Option* option = nullptr; ///< whose value comes next
    bool only_arguments = false;   ///< behind `--`, or in a command
};

void take_option(Place& place, const std::string& word, Context& context) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    CLI::Option* option = find_option(place.verb, word.substr(0, equals));
    if (option == nullptr || !takes_value(*option))
        return;
    if (equals == std::string::npos)
        place.option = option;
    else if (word.starts_with("--host="))
        context.globals.host = word.substr(equals + 1);
    else if (word.starts_with("--token-file="))
        context.globals.token_file = word.substr(equals + 1);
}

void take_value(Place& place, const std::string& word, Context& context) {
    if (word == "=") // bash takes --name=value apart
        return;
    if (place.option->check_lname("host"))
        context.globals.host = word;
    else if (place.option->check_lname("token-file"))
        context.globals.token_file = word;
    place.option = nullptr;
}

Place place_of(CLI::App& app, const std::vector<std::string>& words, Context& context) {
    Place place{.verb = &app};
    for (const std::string& word : words) {
        if (place.option != nullptr) {
            take_value(place, word, context);
        } else if (word == "--" && !place.only_arguments) {
            place.only_arguments = true;
        } else if (word.starts_with('-') && !place.only_arguments) {
            take_option(place, word, context);
        } else if (CLI::App* inner = place.arguments == 0 ? find_verb(*place.verb, word) : nullptr) {
            place.verb = inner;
        } else {
            ++place.arguments;
            place.only_arguments = place.only_arguments || takes_the_rest(*place.verb, place.arguments);
        }
    }
    return place;
}

class Candidates {
  public:
    Candidates(Context& context, std::string prefix, std::string before)
        : context_(context),
          prefix_(std::move(prefix)),
          before_(std::move(before)) {}

    void add(const std::string& value, const std::string& words) {
        if (!value.starts_with(prefix_) || value.empty())
            return;
        context_.terminal.out << before_ << printable(value);
        if (!words.empty())
            context_.terminal.out << '\t' << printable(words);
        context_.terminal.out << '\n';
    }

    void add_of(const std::string& kind) {
        if (const std::size_t list = kind.find('{'); list != std::string::npos)
            add_words(kind.substr(list + 1, kind.find('}') - list - 1));
        else if (kind == "ID")
            add_sessions("");
        else if (kind == "POLICY")
            add_policies();
        else if (kind == "TENANT")
            add_names("/v1/tenants", "tenants", is_tenant_name);
        else if (kind == "STATE")
            add_words("queued,starting,ready,busy,frozen,recovering,ending,ended,stuck");
        else if (kind == "FORMAT")
            add_words("table,json,id");
        else if (kind == "FILE" || kind == "FOLDER")
            with_files = true;
        else if (kind == "FILE_OR_ID")
            add_files_and([this] { add_sessions(":"); });
        else if (kind == "POLICY_OR_FILE")
            add_files_and([this] { add_policies(); });
    }

    bool with_files = false;

  private:
    void add_words(const std::string& list) {
        for (std::size_t start = 0; start < list.size();) {
            const std::size_t end = std::min(list.find(',', start), list.size());
            add(list.substr(start, end - start), {});
            start = end + 1;
        }
    }

    template <typename Action>
    void add_files_and(const Action& action) {
        with_files = true; // whatever becomes of the others
        action();
    }

    /// Nothing that is not an id gets into a shell, whatever the API says.
    void add_sessions(const std::string& behind) {
        const Json answer = context_.api().get("/v1/sessions", kLiveTimeout);
        for (const Json& session : answer.at("sessions")) {
            const std::string id = word(session, {"id"}), state = word(session, {"state"});
            if (!is_session_id(id) || state == "ended")
                continue;
            std::string words = state + " " + word(session, {"tenant"});
            if (const std::string name = word(session, {"name"}); name != "-")
                words += " " + name;
            add(id + behind, words);
        }
    }

    void add_names(const char* target, const char* list, bool (*is_name)(std::string_view)) {
        const Json answer = context_.api().get(target, kLiveTimeout);
        for (const Json& one : answer.at(list)) {
            const std::string name = word(one, {"name"}), words = word(one, {"description"});
            if (is_name(name))
                add(name, words == "-" ? std::string() : words);
        }
    }

    void add_policies() {
        try {
            add_names("/v1/policies", "policies", is_policy_name);
        } catch (const Error&) { // without an API there may be files
            const policy::Site site = settings_of(kSiteSettings);
            for (const std::string& name : policy::list_policies(site.policy_folders()))
                if (is_policy_name(name))
                    add(name, {});
        }
    }

    Context& context_;
    std::string prefix_, before_;
};

std::string kind_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    return type == "TEXT" && option.get_positional() ? option.get_name() : type;
}

void add_options(Candidates& candidates, const CLI::App* verb) {
    for (; verb != nullptr; verb = verb->get_parent())
        for (const CLI::Option* option : verb->get_options())
            if (!option->get_group().empty())
                for (const std::string& name : option->get_lnames())
                    candidates.add("--" + name, option->get_description());
}

bool add_verbs(Candidates& candidates, const Place& place) {
    const auto verbs = place.verb->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty() || place.arguments > 0)
        return false;
    for (const CLI::App* verb : verbs)
        candidates.add(verb->get_name(), verb->get_description());
    return true;
}

void add_argument(Candidates& candidates, const Place& place) {
    std::size_t left = place.arguments;
    for (const CLI::Option* option : place.verb->get_options()) {
        if (!option->get_positional())
            continue;
        const bool takes_all = option->get_items_expected_max() > 1;
        if (left == 0 || takes_all) {
            candidates.add_of(kind_of(*option));
            return;
        }
        --left;
    }
}

bool add_candidates(CLI::App& app, const std::vector<std::string>& words, Context& context) {
    std::string last = words.empty() ? std::string() : words.back();
    const Place place = place_of(app, {words.begin(), words.end() - (words.empty() ? 0 : 1)}, context);
    const std::size_t equals = last.find('=');
    if (place.option != nullptr) {
        Candidates candidates(context, last == "=" ? std::string() : last, {});
        candidates.add_of(kind_of(*place.option));
        return candidates.with_files;
    }
    const bool is_option = last.starts_with('-') && !place.only_arguments;
    if (is_option && equals != std::string::npos) {
        const CLI::Option* option = find_option(place.verb, last.substr(0, equals));
        Candidates candidates(context, last.substr(equals + 1), last.substr(0, equals + 1));
        if (option != nullptr)
            candidates.add_of(kind_of(*option));
        return candidates.with_files;
    }
    Candidates candidates(context, last, {});
    if (is_option)
        add_options(candidates, place.verb);
    else if (!add_verbs(candidates, place))
        add_argument(candidates, place);
    return candidates.with_files;
}

} // namespace

int complete(CLI::App& app, const std::vector<std::string>& words, Context& context) {
    if (const char* host = std::getenv("SANDBOX_HOST"))
        context.globals.host = host;
    if (const char* file = std::getenv("SANDBOX_TOKEN_FILE"))
        context.globals.token_file = file;
    try {
        return add_candidates(app, words, context) ? kFilesToo : 0;
    } catch (const std::exception&) { // a word about it would land in the line that is typed
        return 0;
    }
}

} // namespace sandbox::ctl
