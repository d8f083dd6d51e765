#include "progress.hpp"
#include "verbs.hpp"
#include "words.hpp"
#include "workspace.hpp"

#include <filesystem>
#include <memory>
#include <ostream>

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

/// One run of the verb.
class Copy {
  public:
    Copy(Context& context, const ApiClient& api, std::string session)
        : context_(context),
          session_(std::move(session)),
          workspace_(api, session_),
          progress_(context, "copying") {}

    void out(const std::string& path, fs::path local, bool recursive) {
        if (fs::is_directory(local))
            local /= path.empty() ? session_ : fs::path(path).filename().string();
        if (recursive)
            folder_out(path, local);
        else
            workspace_.download_to(path, local.string(), told(path));
    }

    void to_output(const std::string& path) {
        workspace_.download(path, [&](std::string_view piece) { context_.terminal.out << piece; });
        context_.terminal.out << std::flush;
    }

    void in(const fs::path& local, std::string path, bool recursive) {
        const bool into_folder = path.empty() || path.ends_with('/');
        if (into_folder)
            path += fs::canonical(local).filename().string();
        if (recursive)
            folder_in(local, path);
        else
            workspace_.upload(local.string(), path, told(path));
    }

    std::size_t left_out = 0; ///< links and others, and folders that are empty

  private:
    OnBytes told(const std::string& path) {
        return [this, path](std::uint64_t done, std::uint64_t whole) {
            progress_.tell(path + "  " +
                           (whole == 0 ? short_bytes(static_cast<double>(done)) : share_text(done, whole)));
        };
    }

    void folder_out(const std::string& path, const fs::path& local) {
        const std::vector<Workspace::Entry> entries = workspace_.list(path);
        fs::create_directories(local);
        for (const Workspace::Entry& entry : entries) {
            const std::string inner = path.empty() ? entry.name : path + "/" + entry.name;
            if (entry.type == "folder")
                folder_out(inner, local / entry.name);
            else if (entry.type == "file")
                workspace_.download_to(inner, (local / entry.name).string(), told(inner));
            else
                ++left_out;
        }
    }

    void folder_in(const fs::path& local, const std::string& path) {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(local)) {
            const std::string inner = path + "/" + entry.path().lexically_relative(local).string();
            if (entry.is_symlink() || !(entry.is_regular_file() || entry.is_directory()) ||
                (entry.is_directory() && fs::is_empty(entry.path())))
                ++left_out;
            else if (entry.is_regular_file())
                workspace_.upload(entry.path().string(), inner, told(inner));
        }
    }

    Context& context_;
    std::string session_;
    Workspace workspace_;
    Progress progress_;
};

void check_folder(const fs::path& local, bool recursive) {
    if (!fs::exists(local))
        throw Error(Errc::not_found, local.string() + " is not there", {}, "SRC");
    if (fs::is_directory(local) && !recursive)
        throw Error(Errc::invalid_argument, local.string() + " is a folder", "Add -r to copy what is in it.",
                    "SRC");
    if (!fs::is_directory(local) && recursive)
        throw Error(Errc::invalid_argument, local.string() + " is no folder", "Leave -r out.", "SRC");
}

void copy(Context& context, const Options& options) {
    const auto source = parse_remote(options.source, "SRC"), target = parse_remote(options.target, "DST");
    if (source.has_value() == target.has_value())
        throw Error(Errc::invalid_argument,
                    source ? "both SRC and DST are in sessions" : "neither SRC nor DST is in a session",
                    "Write ID:PATH for one of them, as in sandboxctl cp ID:/work/picture.png .", "SRC");
    const ApiClient api = context.api();
    std::size_t left_out = 0;
    if (source) {
        if (source->path.empty() && !options.recursive)
            throw Error(Errc::invalid_argument, "/work is a folder", "Add -r to copy what is in it.", "SRC");
        Copy copy(context, api, api.find_session(source->id));
        if (options.target == "-" && options.recursive)
            throw Error(Errc::invalid_argument, "a folder does not go to standard output", {}, "DST");
        if (options.target == "-")
            copy.to_output(source->path);
        else
            copy.out(source->path, options.target, options.recursive);
        left_out = copy.left_out;
    } else {
        check_folder(options.source, options.recursive);
        Copy copy(context, api, api.find_session(target->id));
        const bool is_folder = options.target.ends_with('/') && !target->path.empty();
        copy.in(options.source, target->path + (is_folder ? "/" : ""), options.recursive);
        left_out = copy.left_out;
    }
    if (left_out > 0 && !context.globals.quiet)
        context.terminal.err << "sandboxctl: left out " << left_out
                             << " that are neither files nor folders with some\n";
}

} // namespace

void add_cp(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("cp", "Copy files into a session's workspace, or out of it");
    verb.option("SRC", options->source, "A file here, or ID:PATH; the path is below /work")
        .of("FILE_OR_ID")
        .required();
    verb.option(
            "DST", options->target,
            "ID:PATH, or a file or a folder here; - is standard output; a PATH that ends with / is a folder")
        .of("FILE_OR_ID")
        .required();
    verb.flag("-r,--recursive", options->recursive, "A folder with all that is in it");
    verb.run([options, &context] { copy(context, *options); });
}

} // namespace sandbox::ctl
