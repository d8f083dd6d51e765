#include "ctl/jobs/script_job.hpp"

#include "ctl/context/progress.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/commands.hpp"
#include "ctl/jobs/live_log.hpp"
#include "ctl/jobs/workspace.hpp"
#include "ctl/terminal/output_file.hpp"
#include "ctl/views/session_text.hpp"
#include "sandbox/base/encoding.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
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

/// As a shell would have it, had ChimeraX been its own: the exit status, or 128 and the signal.
int status_of_end(const Json& session) {
    const std::string reason = word(session, {"end", "reason"});
    const Json& status = member(session, {"end", "exit_status"});
    const Json& signal = member(session, {"end", "signal"});
    if (reason == "exited")
        return status.is_number_integer() ? status.get<int>() : 0; // told to exit, it aborts
    const bool is_killed = reason == "signalled" || reason == "oom";
    return is_killed && signal.is_number_integer() ? 128 + signal.get<int>() : 1;
}

class Job {
  public:
    Job(Context& context, OwnSession& session, const ScriptJob& job, int until)
        : context_(context),
          session_(session),
          job_(job),
          api_(context.api(until)),
          workspace_(api_, session.id()),
          progress_(context, "running"),
          log_(context.api(), session.id(),
               [this](LiveLog::Stream stream, std::string_view text) { show_log(stream, text); }) {}

    /// The exit status.
    int run(std::optional<Duration> grace) {
        send_files();
        int status = run_scripts();
        if (!lost_ && has_gone())
            status = tell_end(*lost_);
        const int missing = fetch();
        progress_.next("ending " + session_.id());
        ending_ = true;
        const Json last = session_.end(grace);
        log_.finish(kLastWords);
        tell_rest(last);
        return status != 0 ? status : missing;
    }

  private:
    void send_files() {
        std::vector<std::string> files = job_.in;
        files.insert(files.end(), job_.scripts.begin(), job_.scripts.end());
        for (const std::string& file : files) {
            const std::string what = "sending " + name_of(file);
            progress_.next(what);
            workspace_.upload(file, name_of(file), told(what));
        }
    }

    OnBytes told(const std::string& what) {
        return [this, what](std::uint64_t done, std::uint64_t whole) {
            progress_.tell(what + "  " +
                           (whole == 0 ? short_bytes(static_cast<double>(done)) : share_text(done, whole)));
        };
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
                if (const int status = run_command(commands[i]); status != 0) {
                    say("stopped at command " + std::to_string(i + 1) + " of " +
                        std::to_string(commands.size()) + " of " + name + ": " + commands[i]);
                    return lost_ ? tell_end(*lost_) : status;
                }
            }
        }
        return 0;
    }

    /// An exit status.
    int run_command(const std::string& command) {
        progress_.next(command);
        const Duration timeout = context_.globals.timeout.value_or(kCommandTimeout);
        Json body{{"command", command}};
        if (context_.globals.timeout)
            body["timeout_seconds"] = static_cast<double>(timeout.count()) / 1000;
        Json result;
        try {
            result = api_.post("/v1/sessions/" + session_.id() + "/commands", body, timeout + kAnswerTimeout);
        } catch (const Error& error) {
            return tell_lost(error);
        }
        bool is_well = false;
        progress_.aside([&] {
            is_well = show_result(context_, result, context_.json());
            context_.terminal.out << std::flush;
        });
        return is_well ? 0 : 1;
    }

    /// There is no answer: because it took too long, because ChimeraX has gone, or for what the error says.
    int tell_lost(const Error& error) {
        if (error.code() == Errc::timed_out) {
            const auto& timeout = context_.globals.timeout;
            say(timeout ? "the command took longer than " + format_duration(*timeout) +
                              ", and is ended with its session"
                        : std::string(error.what()) + "; the command is ended with its session");
            return errc_info(Errc::timed_out).exit_status;
        }
        progress_.next("ChimeraX does not answer");
        lost_ = session_.ended_by_itself(api_);
        if (lost_)
            return kEnded;
        progress_.aside([&] { report(context_.terminal, error); });
        return errc_info(error.code()).exit_status;
    }

    /// All commands were answered, and yet ChimeraX may have gone after the last.
    bool has_gone() {
        const std::string state = word(api_.get_session(session_.id()), {"state"});
        if (state == "ending" || state == "ended")
            lost_ = session_.ended_by_itself(api_);
        return lost_.has_value();
    }

    int tell_end(const Json& session) {
        say("session " + session_.id() + " " + state_words(session));
        return status_of_end(session);
    }

    /// Whatever there is of it, also after a failure. An exit status.
    int fetch() {
        int status = 0;
        for (const std::string& file : job_.out) {
            const std::string what = "fetching " + file;
            progress_.next(what);
            try {
                if (lost_)
                    throw Error(Errc::gone,
                                "/work/" + workspace_path(file, "--out") + " went with the session");
                const std::uint64_t size =
                    workspace_.download_to(workspace_path(file, "--out"), name_of(file), told(what));
                fetched_ += (fetched_.empty() ? "" : ", ") + name_of(file) + " (" +
                            short_bytes(static_cast<double>(size)) + ")";
            } catch (const Error& error) {
                say("did not fetch " + file + ": " + error.what());
                status = status == 0 ? errc_info(error.code()).exit_status : status;
            }
        }
        return status;
    }

    void show_log(LiveLog::Stream stream, std::string_view text) {
        // ChimeraX says so itself when its standard input is closed; no script has printed it.
        if (text.empty() || (ending_ && text == "EOF\n"))
            return;
        progress_.aside([&] {
            // JSON on standard output is to stay JSON.
            const bool to_out = stream == LiveLog::Stream::out && !context_.json();
            std::ostream& to = to_out ? context_.terminal.out : context_.terminal.err;
            const bool harmless = to_out ? context_.terminal.is_terminal : context_.terminal.err_is_terminal;
            to << (harmless ? printable(text, true) : std::string(text)) << std::flush;
            in_line_ = to_out ? in_line_ : !text.ends_with('\n');
        });
    }

    void say(const std::string& words) {
        progress_.aside([&] {
            context_.terminal.err << (in_line_ ? "\n" : "") << "sandboxctl: " << printable(words, true)
                                  << std::endl;
            in_line_ = false;
        });
    }

    void tell_rest(const Json& session) {
        const std::string tail = word(session, {"end", "log_tail"});
        if (!log_.is_whole())
            say("some of what ChimeraX printed may be missing above" +
                (tail == "-" ? "." : "; its last lines:\n" + tail));
        if (context_.globals.quiet)
            return;
        const auto taken = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - started_);
        const std::string time = word(Json(std::chrono::duration<double>(taken).count()), {});
        say("took " + time + "s" + (fetched_.empty() ? "" : ", fetched " + fetched_));
    }

    static constexpr int kEnded = 1;
    static constexpr Duration kLastWords = std::chrono::seconds(10);

    Context& context_;
    OwnSession& session_;
    const ScriptJob& job_;
    ApiClient api_;
    Workspace workspace_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::optional<Json> lost_; ///< the session, once it has ended by itself
    std::string fetched_;
    bool in_line_ = false; ///< standard error is not at the start of a line
    std::atomic<bool> ending_ = false;
    Progress progress_;
    LiveLog log_; // the last member: it uses the others
};

} // namespace

void check_files(const ScriptJob& job) {
    std::set<std::string> names;
    for (const auto* list : {&job.in, &job.scripts}) {
        const char* field = list == &job.in ? "--in" : "SCRIPT";
        for (const std::string& file : *list) {
            const std::string name = name_of(file);
            std::error_code error;
            if (!fs::is_regular_file(file, error))
                throw Error(Errc::not_found, file + " does not exist", {}, field);
            if (!names.insert(name).second)
                throw Error(Errc::invalid_argument, "two of the files are called " + name,
                            "All of them are in /work: rename one.", field);
            const bool is_odd = std::ranges::any_of(
                name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
            if ((is_odd || !is_utf8(name)) && list == &job.scripts)
                throw Error(Errc::invalid_argument, "no command can name " + printable(name), "Rename it.",
                            field);
        }
    }
    for (const std::string& script : job.scripts)
        if (script.ends_with(".cxc"))
            commands_of_file(script, "SCRIPT");
    std::set<std::string> wanted;
    for (const std::string& file : job.out) {
        if (workspace_path(file, "--out").empty())
            throw Error(Errc::invalid_argument, "/work is a folder", "Name a file in it.", "--out");
        if (!wanted.insert(name_of(file)).second)
            throw Error(Errc::invalid_argument, "two files to fetch are called " + name_of(file),
                        "All of them come into this folder: fetch them by two runs, or rename one.", "--out");
        OutputFile::check(name_of(file));
    }
}

int run_scripts(Context& context, OwnSession& session, const ScriptJob& job, int until,
                std::optional<Duration> grace) {
    return Job(context, session, job, until).run(grace);
}

} // namespace sandbox::ctl
