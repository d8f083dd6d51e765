#include "commands.hpp"
#include "own_session.hpp"
#include "progress.hpp"
#include "session_text.hpp"
#include "session_wishes.hpp"
#include "verbs.hpp"
#include "words.hpp"
#include "workspace.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <memory>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {
namespace fs = std::filesystem;

struct Options {
    std::string tenant, policy;
    SessionWishes wishes;
    std::vector<std::string> labels, in, out, scripts;
};

/// SIGINT, SIGTERM and SIGHUP as a descriptor, for as long as it lives: a session is ended whatever comes.
class Signals {
  public:
    Signals() {
        sigset_t caught;
        ::sigemptyset(&caught);
        for (const int number : {SIGINT, SIGTERM, SIGHUP})
            ::sigaddset(&caught, number);
        ::pthread_sigmask(SIG_BLOCK, &caught, &before_);
        fd_ = UniqueFd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!fd_)
            throw_errno("signalfd");
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals() {
        take();
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    int fd() const { return fd_.get(); }
    bool came() const {
        pollfd wait{fd_.get(), POLLIN, 0};
        return ::poll(&wait, 1, 0) > 0;
    }
    /// The number of one that came, 0 for none.
    int take() const {
        signalfd_siginfo info{};
        return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
    }

  private:
    sigset_t before_{};
    UniqueFd fd_;
};

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
    Job(Context& context, const Options& options, const Signals& signals)
        : context_(context),
          options_(options),
          api_(context.api(signals.fd())) {}

    /// The exit status.
    int run(const Json& wanted) {
        const OwnSession session(context_, wanted);
        route_ = "/v1/sessions/" + session.id();
        session.wait_until_ready(api_);
        const Workspace workspace(api_, session.id());
        for (const std::string& file : all_files())
            copy("sending " + name_of(file),
                 [&](const OnBytes& told) { workspace.upload(file, name_of(file), told); });
        const int status = run_scripts();
        if (status == 0)
            for (const std::string& file : options_.out)
                copy("fetching " + file, [&](const OnBytes& told) {
                    workspace.download_to(workspace_path(file, "--out"), name_of(file), told);
                });
        return status;
    }

  private:
    std::vector<std::string> all_files() const {
        std::vector<std::string> files = options_.in;
        files.insert(files.end(), options_.scripts.begin(), options_.scripts.end());
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
        for (const std::string& script : options_.scripts) {
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
            result = api_.post(route_ + "/commands", body, timeout + kAnswerTimeout);
        }
        const bool is_well = show_result(context_, result, context_.json());
        context_.terminal.out << std::flush;
        return is_well;
    }

    Context& context_;
    const Options& options_;
    ApiClient api_;
    std::string route_;
};

/// Before anything is made: what is sent has to be there, and each needs a name of its own in /work.
void check_files(const Options& options) {
    std::set<std::string> names;
    for (const auto* list : {&options.in, &options.scripts}) {
        const char* field = list == &options.in ? "--in" : "SCRIPT";
        for (const std::string& file : *list) {
            const std::string name = name_of(file);
            if (!fs::is_regular_file(file))
                throw Error(Errc::not_found, file + " is no file that is there", {}, field);
            if (!names.insert(name).second)
                throw Error(Errc::invalid_argument, "two of the files are called " + name,
                            "All of them are in /work: rename one.", field);
            const bool is_odd = std::ranges::any_of(
                name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
            if (is_odd && list == &options.scripts)
                throw Error(Errc::invalid_argument, "no command can name " + printable(name), "Rename it.",
                            field);
        }
    }
    for (const std::string& script : options.scripts)
        if (script.ends_with(".cxc"))
            commands_of_file(script, "SCRIPT");
    for (const std::string& file : options.out)
        if (workspace_path(file, "--out").empty())
            throw Error(Errc::invalid_argument, "/work is a folder", "Name a file in it.", "--out");
}

Json wanted_of(const Options& options) {
    Json body = Json::object();
    if (!options.tenant.empty())
        body["tenant"] = options.tenant;
    if (!options.policy.empty())
        body["policy"] = options.policy;
    body["name"] = "run " + name_of(options.scripts.front());
    if (!options.labels.empty())
        body["labels"] = pairs(options.labels, "--label");
    put_wishes(options.wishes, body);
    return body;
}

void run(Context& context, const Options& options) {
    check_files(options);
    const Json wanted = wanted_of(options);
    const Signals signals;
    try {
        context.exit_status = Job(context, options, signals).run(wanted);
    } catch (const Error&) {
        if (!signals.came())
            throw;
    }
    if (const int number = signals.take(); number != 0) {
        context.terminal.err << "sandboxctl: the job was stopped by a signal, and its session is ended\n";
        context.exit_status = 128 + number; // as a shell says it
    }
}

} // namespace

void add_run(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("run", "Run ChimeraX scripts in a session of their own, which ends with them");
    verb.option("SCRIPT", options->scripts,
                "Files of commands (.cxc), or Python; in turn, up to the first command that fails")
        .of("FILE")
        .required();
    verb.option("-t,--tenant", options->tenant, "Whose session; may be left out by a tenant itself")
        .of("TENANT");
    verb.option("-p,--policy", options->policy, "Under which policy; else the tenant's first").of("POLICY");
    verb.option("-l,--label", options->labels, "A label KEY=VALUE; may come again").of("KEY=VALUE");
    verb.option("--memory", options->wishes.memory, "Its memory limit, as 6G, within the policy's ceiling")
        .of("SIZE");
    verb.option("--cpus", options->wishes.cpus, "Its CPU limit, within the policy's ceiling").of("N");
    verb.option("--in", options->in, "A file that the scripts find in /work; may come again").of("FILE");
    verb.option("--out", options->out, "A file of /work that is fetched into this folder; may come again")
        .of("PATH");
    verb.run([options, &context] { run(context, *options); });
}

} // namespace sandbox::ctl
