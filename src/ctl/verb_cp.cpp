#include "sandbox/base/file.hpp"
#include "verbs.hpp"

#include <filesystem>
#include <memory>
#include <ostream>

namespace sandbox::ctl {
namespace {

constexpr std::string_view kWorkspace = "/work/";
constexpr mode_t kMode = 0644;

struct Options {
    std::string source, target;
};

/// `ID:PATH`, where PATH is below /work or relative to it.
struct Remote {
    std::string id, path;
};

Remote parse_remote(const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
        throw Error(Errc::invalid_argument, "\"" + text + "\" does not name a session's file",
                    "Write ID:PATH, as in sandboxctl cp ID:/work/picture.png .", "SRC");
    Remote remote{text.substr(0, colon), text.substr(colon + 1)};
    if (remote.path.starts_with(kWorkspace))
        remote.path.erase(0, kWorkspace.size());
    if (remote.path.empty() || remote.path.front() == '/')
        throw Error(Errc::invalid_argument, "\"" + remote.path + "\" is not in the session's workspace",
                    "Have ChimeraX save the file below /work.", "SRC");
    return remote;
}

std::string encode_path(const std::string& path) {
    std::string encoded;
    for (std::size_t start = 0; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        encoded += (start == 0 ? "" : "/") + encode_component(path.substr(start, end - start));
        start = end + 1;
    }
    return encoded;
}

void copy(Context& context, const Options& options) {
    const Remote remote = parse_remote(options.source);
    std::filesystem::path target = options.target;
    if (std::filesystem::is_directory(target))
        target /= std::filesystem::path(remote.path).filename();
    const ApiClient api = context.api();
    const std::string content =
        api.get_text("/v1/sessions/" + api.find_session(remote.id) + "/files/" + encode_path(remote.path));
    if (options.target == "-")
        context.terminal.out << content;
    else
        write_file_atomically(target.string(), content, kMode);
}

} // namespace

void add_cp(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("cp", "Copy a file out of a session's workspace");
    verb.option("SRC", options->source, "ID:PATH; the path is below /work").required();
    verb.option("DST", options->target, "A file or a folder here; - is standard output").required();
    verb.run([options, &context] { copy(context, *options); });
}

} // namespace sandbox::ctl
