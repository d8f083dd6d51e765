#include "ctl/context/verbs.hpp"
#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/format/redact.hpp"
#include "ctl/jobs/archive.hpp"
#include "ctl/terminal/output_file.hpp"
#include "ctl/verify/facts_source.hpp"
#include "ctl/verify/verify_text.hpp"
#include "sandbox/base/version.hpp"

#include <functional>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace sandbox::ctl {
namespace {

constexpr const char* kReadMe =
    "For a report of a fault in chimerax-sandbox: one session as the API, the launcher and the kernel tell "
    "of\n"
    "it. Left out, as they may be secret: tokens, names and labels, commands, the environment, files of the\n"
    "workspace, names of processes, details of the audit trail, and of the log all that ChimeraX did not "
    "write\n"
    "by itself. Look through it before you send it all the same.\n";

constexpr std::uint64_t kLogBytes = 256 << 10;

struct Options {
    std::string id, file, config = kSiteSettings;
};

/// What cannot be had is told in its place: a bundle is made of what is broken.
std::string or_error(const std::function<std::string()>& make) {
    try {
        return make();
    } catch (const Error& error) {
        return Json{{"missing", error.what()}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    }
}

std::string text_of(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Messages about settings and policies may quote what stands there.
std::vector<Check> redacted(std::vector<Check> checks) {
    for (Check& check : checks)
        if (check.verdict == Verdict::failed &&
            (check.name.starts_with("policy ") || check.name == "policies" || check.name == "settings"))
            check.detail = left_out(check.detail);
    return checks;
}

ArchiveFiles collect(const Context& context, const std::string& id, const std::string& config) {
    const ApiClient api = context.api();
    const std::string route = "/v1/sessions/" + id;
    ArchiveFiles files{{"README", kReadMe}};
    const auto add = [&](const char* name, const std::function<std::string()>& make) {
        files.emplace_back(name, or_error(make));
    };
    add("versions.json", [&] {
        return text_of({{"sandboxctl", version()},
                        {"sandboxd", word(api.get("/version"), {"version"})},
                        {"kernel", this_host().kernel_release}});
    });
    add("session.json", [&] { return text_of(redacted_session(api.get_session(id))); });
    add("stats.json", [&] { return text_of(api.get(route + "/stats?history=1")); });
    Json inspected;
    bool first_hand = false;
    add("inspect.json", [&] {
        LauncherFacts facts = ask_for_facts(context, id);
        first_hand = facts.first_hand;
        inspected = redacted_inspect(facts.inspected);
        return text_of(inspected);
    });
    if (inspected.is_object())
        add("verify.json", [&] { return text_of(verify_json(id, verify(inspected), first_hand)); });
    add("audit.json", [&] { return text_of(redacted_audit(api.get("/v1/audit?limit=1000&session=" + id))); });
    for (const char* stream : {"stdout", "stderr"})
        add(stream, [&, stream] {
            return redacted_log(
                api.get_text(route + "/logs?stream=" + stream + "&tail=" + std::to_string(kLogBytes)));
        });
    add("doctor.json", [&] { return text_of(doctor_json(redacted(examine(context, config)))); });
    return files;
}

/// An earlier bundle is not lost to a later one; nor does root follow what others put where they know that a
/// bundle is to come.
void check_new(const std::string& path) {
    struct stat found {};
    const bool is_there = ::lstat(path.c_str(), &found) == 0;
    if (is_there && (::stat(path.c_str(), &found) != 0 || S_ISREG(found.st_mode)))
        throw Error(Errc::conflict, path + " is there already", "Name another file with -o.", "output");
}

void debug(Context& context, const Options& options) {
    const std::string id = context.api().find_session(options.id);
    const std::string name = "chimerax-sandbox-" + id;
    const std::string path = options.file.empty() ? name + ".tar.gz" : options.file;
    context.api().get_session(id); // of one that is unknown there is nothing to write
    check_new(path);
    OutputFile file(path, true);
    file.write(gzip(make_tar(name, collect(context, id, options.config), std::chrono::system_clock::now())));
    file.keep();
    if (options.file.empty() || !context.globals.quiet)
        context.terminal.out << path << "\n";
}

} // namespace

void add_debug(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb =
        app.add_verb("debug", "Write what a report of a fault needs of a session, without its secrets");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("-o,--output", options->file,
                "The bundle, a new file; chimerax-sandbox-ID.tar.gz unless given");
    verb.option("--config", options->config, "The site's settings").show_default();
    verb.run([options, &context] { debug(context, *options); });
}

} // namespace sandbox::ctl
