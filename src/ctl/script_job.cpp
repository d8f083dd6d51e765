#include "script_job.hpp"

#include "commands.hpp"
#include "progress.hpp"
#include "words.hpp"
#include "workspace.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {
namespace fs = std::filesystem;

/// `exit` in a script ends the job, not ChimeraX over REST, which would abort.
std::optional<int> exit_status_of(const std::string& command) {
    const std::size_t space = command.find_first_of(" \t");
    const std::string verb = command.substr(0, space);
    if (verb != "exit" && verb != "quit")
        return std::nullopt;
    const std::size_t start = space == std::string::npos ? space : command.find_first_not_of(" \t", space);
    if (start == std::string::npos)
        return 0;
    int status = 0;
    const char* last = command.data() + command.size();
    const auto [end, error] = std::from_chars(command.data() + start, last, status);
    return error == std::errc() && end == last && status >= 0 && status <= 255 ? status : 1;
}

std::string name_of(const std::string& path) {
    return fs::path(path).filename().string();
}

class Job {
  public:
    Job(Context& context, std::string session, const ScriptJob& job, int until)
        : context_(context),
          session_(std::move(session)),
          job_(job),
          api_(context.api(until)) {}

    /// The exit status.
    int run() {
        const Workspace workspace(api_, session_);
        for (const std::string& file : all_files())
            copy("sending " + name_of(file),
                 [&](const OnBytes& told) { workspace.upload(file, name_of(file), told); });
        const int status = run_scripts();
        if (status == 0)
            for (const std::string& file : job_.out)
                copy("fetching " + file, [&](const OnBytes& told) {
                    workspace.download_to(workspace_path(file, "--out"), name_of(file), told);
                });
        return status;
    }

  private:
    std::vector<std::string> all_files() const {
        std::vector<std::string> files = job_.in;
        files.insert(files.end(), job_.scripts.begin(), job_.scripts.end());
        return files;
    }

    template <typename Action>
    void copy(const std::string& what, const Action& action) {
        Progress progress(context_, what);
        action([&](std::uint64_t done, std::uint64_t whole) {
            progress.tell(what + "  " +
                          (whole == 0 ? short_bytes(static_cast<double>(done)) : share_text(done, whole)));
        });
    }

    int run_scripts() {
        for (const std::string& script : job_.scripts) {
            const std::string name = name_of(script);
            const bool is_commands = name.ends_with(".cxc");
            const std::vector<std::string> commands =
                is_commands ? commands_of_file(script, "SCRIPT")
                            : std::vector<std::string>{"runscript \"/work/" + name + "\""};
            for (std::size_t i = 0; i < commands.size(); ++i) {
                if (const auto status = exit_status_of(commands[i]); status && is_commands)
                    return *status;
                if (!run_command(commands[i])) {
                    context_.terminal.err << "sandboxctl: stopped at command " << i + 1 << " of "
                                          << commands.size() << " of " << printable(name) << ": "
                                          << printable(commands[i]) << "\n";
                    return 1;
                }
            }
        }
        return 0;
    }

    bool run_command(const std::string& command) {
        Json result;
        {
            const Progress progress(context_, printable(command));
            const Duration timeout = context_.globals.timeout.value_or(kCommandTimeout);
            Json body{{"command", command}};
            if (context_.globals.timeout)
                body["timeout_seconds"] = static_cast<double>(timeout.count()) / 1000;
            result = api_.post("/v1/sessions/" + session_ + "/commands", body, timeout + kAnswerTimeout);
        }
        const bool is_well = show_result(context_, result, context_.json());
        context_.terminal.out << std::flush;
        return is_well;
    }

    Context& context_;
    const std::string session_;
    const ScriptJob& job_;
    ApiClient api_;
};

} // namespace

void check_files(const ScriptJob& job) {
    std::set<std::string> names;
    for (const auto* list : {&job.in, &job.scripts}) {
        const char* field = list == &job.in ? "--in" : "SCRIPT";
        for (const std::string& file : *list) {
            const std::string name = name_of(file);
            if (!fs::is_regular_file(file))
                throw Error(Errc::not_found, file + " is no file that is there", {}, field);
            if (!names.insert(name).second)
                throw Error(Errc::invalid_argument, "two of the files are called " + name,
                            "All of them are in /work: rename one.", field);
            const bool is_odd = std::ranges::any_of(
                name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
            if (is_odd && list == &job.scripts)
                throw Error(Errc::invalid_argument, "no command can name " + printable(name), "Rename it.",
                            field);
        }
    }
    for (const std::string& script : job.scripts)
        if (script.ends_with(".cxc"))
            commands_of_file(script, "SCRIPT");
    for (const std::string& file : job.out)
        if (workspace_path(file, "--out").empty())
            throw Error(Errc::invalid_argument, "/work is a folder", "Name a file in it.", "--out");
}

int run_scripts(Context& context, const std::string& session, const ScriptJob& job, int until) {
    return Job(context, session, job, until).run();
}

} // namespace sandbox::ctl
