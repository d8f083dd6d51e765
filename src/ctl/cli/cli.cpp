#include "ctl/cli/cli.hpp"

#include "ctl/cli/cli_tree.hpp"
#include "ctl/context/arguments.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/format/standard_output.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <ostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr int kFailed = 1, kUsage = 2;

void add_globals(CLI::App& app, Globals& globals, std::string& timeout) {
    const std::map<std::string, Format> formats{
        {"table", Format::table}, {"json", Format::json}, {"id", Format::id}};
    app.add_option("--host", globals.host,
                   "The API: unix:///PATH, http://127.0.0.1:PORT or https://NAME:PORT")
        ->envname("SANDBOX_HOST")
        ->capture_default_str();
    app.add_option("--token-file", globals.token_file,
                   "A file that holds the bearer token, for http:// and https://")
        ->envname("SANDBOX_TOKEN_FILE");
    app.add_option("--ca-file", globals.ca_file,
                   "Certificates of the authorities to trust, for https://; the system's unless given")
        ->envname("SANDBOX_CA_FILE");
    app.add_option("-o,--output", globals.format, "table, json or id")
        ->transform(CLI::CheckedTransformer(formats).description(""))
        ->type_name("FORMAT");
    app.add_flag("--no-headers", globals.no_headers, "Tables without their first line");
    app.add_flag("-q,--quiet", globals.quiet, "Say nothing but what was asked for, and errors");
    app.add_option("--timeout", timeout, "How long to wait, as 30s or 5m");
}

void add_verbs(Verb app, Context& context) {
    add_create(app, context);
    add_ls(app, context);
    add_status(app, context);
    add_wait(app, context);
    add_exec(app, context);
    add_attach(app, context);
    add_run(app, context);
    add_render(app, context);
    add_cp(app, context);
    add_update(app, context);
    add_restart(app, context);
    add_events(app, context);
    add_audit(app, context);
    add_touch(app, context);
    add_extend(app, context);
    add_freeze(app, context);
    add_thaw(app, context);
    add_top(app, context);
    add_inspect(app, context);
    add_verify(app, context);
    add_logs(app, context);
    add_stop(app, context);
    add_kill(app, context);
    add_policy(app, context);
    add_tenant(app, context);
    add_debug(app, context);
    add_token(app, context);
    add_doctor(app, context);
    add_gc(app, context);
    add_admin(app, context);
    add_completion(app, context);
    add_version(app, context);
}

int run_parsed(CLI::App& app, std::vector<std::string> arguments, const Terminal& terminal) {
    try {
        std::ranges::reverse(arguments); // CLI11 takes them from the back
        app.parse(arguments);
        return 0;
    } catch (const CLI::ParseError& error) {
        // Also --help, which is no failure.
        return app.exit(error, terminal.out, terminal.err) == 0 ? 0 : kUsage;
    } catch (const Error& error) {
        return report(terminal, error);
    } catch (const nlohmann::json::exception& error) {
        return report(terminal, Error(Errc::unavailable,
                                      std::string("the API's answer lacks something: ") + error.what(),
                                      "Do sandboxctl and sandboxd have the same version?"));
    } catch (const std::filesystem::filesystem_error& error) {
        return report(terminal, errno_error(error.code().value(), "cannot use " + error.path1().string()));
    } catch (const OutputLost&) {
        return kFailed; // `end` says so
    } catch (const std::exception& error) {
        report(terminal, Error(Errc::internal, error.what(), "This is a defect: please report it."));
        return kFailed;
    }
}

/// Whatever the verb, its words have arrived, or the exit status says that they have not.
int end(const Terminal& terminal, int status) {
    try {
        check_output(terminal.out);
        return status;
    } catch (const OutputLost&) {
    }
    const int number = output_failure(terminal.out);
    if (number == EPIPE) // where SIGPIPE is ignored: who reads has enough
        return 128 + SIGPIPE;
    const std::string what = "cannot write to standard output";
    report(terminal, number == 0 ? Error(Errc::io, what) : errno_error(number, what));
    return status == 0 ? kFailed : status;
}

int run_words(const std::vector<std::string>& arguments, Terminal terminal) {
    Globals globals;
    std::string timeout;
    Context context(globals, terminal);
    CLI::App app("Sessions of ChimeraX in sandboxes: make them, use them, look at them, end them.",
                 "sandboxctl");
    app.require_subcommand(1);
    app.fallthrough(); // the global options may stand behind the verb too
    add_globals(app, globals, timeout);
    app.parse_complete_callback([&] {
        if (!timeout.empty())
            globals.timeout = parse_duration(timeout);
    });
    add_verbs(Verb(app), context);
    if (!arguments.empty() && arguments.front() == "__complete")
        return complete(app, {arguments.begin() + 1, arguments.end()}, context);
    if (!arguments.empty() && arguments.front() == "__describe") {
        context.print(describe(app));
        return 0;
    }
    const int status = run_parsed(app, close_options(app, arguments), terminal);
    return status != 0 ? status : context.exit_status;
}

} // namespace

int run(const std::vector<std::string>& arguments, const Output& output) {
    const Terminal terminal{output.out,     output.err,         output.width,
                            output.colours, output.is_terminal, output.err_is_terminal,
                            output.input};
    return end(terminal, run_words(arguments, terminal));
}

} // namespace sandbox::ctl
