#include "ctl/context/verbs.hpp"
#include "ctl/jobs/file_copy.hpp"

#include <filesystem>
#include <memory>

#include <sys/stat.h>

namespace sandbox::ctl {
namespace {
namespace fs = std::filesystem;

struct Options {
    std::string source, target;
    bool recursive = false;
};

/// `ID:PATH`; a local name with a colon in it can be written as ./NAME.
struct Remote {
    std::string id, path;
};

std::optional<Remote> parse_remote(const std::string& text, const char* field) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || text.find('/') < colon)
        return std::nullopt;
    return Remote{text.substr(0, colon), workspace_path(text.substr(colon + 1), field)};
}

void check_source(const fs::path& local, bool recursive) {
    struct stat found {};
    if (::stat(local.c_str(), &found) != 0)
        throw_errno("cannot read " + local.string());
    const bool is_folder = S_ISDIR(found.st_mode);
    if (is_folder && !recursive)
        throw Error(Errc::invalid_argument, local.string() + " is a folder", "Add -r to copy what is in it.",
                    "SRC");
    if (!is_folder && recursive)
        throw Error(Errc::invalid_argument, local.string() + " is not a folder", "Leave -r out.", "SRC");
}

void copy_out(Context& context, const Remote& source, const Options& options) {
    if (source.path.empty() && !options.recursive)
        throw Error(Errc::invalid_argument, "/work is a folder", "Add -r to copy what is in it.", "SRC");
    if (options.target == "-" && options.recursive)
        throw Error(Errc::invalid_argument, "a folder does not go to standard output", {}, "DST");
    const ApiClient api = context.api();
    FileCopy copy(context, api, api.find_session(source.id));
    if (options.target == "-")
        copy.to_output(source.path);
    else
        copy.out(source.path, options.target, options.recursive);
    context.exit_status = copy.is_whole() ? 0 : 1;
}

void copy_in(Context& context, const Remote& target, const Options& options) {
    const bool from_input = options.source == "-";
    if (from_input && options.recursive)
        throw Error(Errc::invalid_argument, "no folder comes from standard input", "Leave -r out.", "SRC");
    if (!from_input)
        check_source(options.source, options.recursive);
    const bool is_folder = options.target.ends_with('/') && !target.path.empty();
    const std::string path = target.path + (is_folder ? "/" : "");
    const ApiClient api = context.api();
    FileCopy copy(context, api, api.find_session(target.id));
    if (from_input)
        copy.from_input(path);
    else
        copy.in(options.source, path, options.recursive);
    context.exit_status = copy.is_whole() ? 0 : 1;
}

void copy(Context& context, const Options& options) {
    const auto source = parse_remote(options.source, "SRC"), target = parse_remote(options.target, "DST");
    if (source.has_value() == target.has_value())
        throw Error(Errc::invalid_argument,
                    source ? "both SRC and DST are in sessions" : "neither SRC nor DST is in a session",
                    "Write ID:PATH for one of them, as in sandboxctl cp ID:/work/picture.png .", "SRC");
    if (source)
        copy_out(context, *source, options);
    else
        copy_in(context, *target, options);
}

} // namespace

void add_cp(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("cp", "Copy files into a session's workspace, or out of it");
    verb.option("SRC", options->source,
                "A file here, or ID:PATH; the path is below /work; - is standard input")
        .of("FILE_OR_ID")
        .required();
    verb.option(
            "DST", options->target,
            "ID:PATH, or a file or a folder here; - is standard output; a PATH that ends with / is a folder")
        .of("FILE_OR_ID")
        .required();
    verb.flag("-r,--recursive", options->recursive,
              "A folder with all that is in it; links are followed, and what cannot be copied is named");
    verb.run([options, &context] { copy(context, *options); });
}

} // namespace sandbox::ctl
