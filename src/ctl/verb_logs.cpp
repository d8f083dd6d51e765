#include "verbs.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

namespace sandbox::ctl {
namespace {

struct Options {
    std::string id, stream;
    std::optional<std::uint64_t> tail;
    bool follow = false;
};

/// The API counts bytes; this is the most that it gives.
constexpr std::uint64_t kMostBytes = 16 << 20;

std::string last_lines(std::string text, const std::optional<std::uint64_t>& lines) {
    if (!lines)
        return text;
    std::size_t start = text.size();
    for (std::uint64_t i = 0; i < *lines && start > 0; ++i) {
        const std::size_t previous = start == 1 ? std::string::npos : text.rfind('\n', start - 2);
        start = previous == std::string::npos ? 0 : previous + 1;
    }
    return text.substr(start);
}

/// The API counts bytes: what is there is read twice, so that the stream can begin at a line.
void follow(Context& context, const ApiClient& api, const std::string& id, const Options& options) {
    const std::string stream = options.stream.empty() ? "stdout" : options.stream;
    const std::string target =
        "/v1/sessions/" + id + "/logs?stream=" + stream + "&tail=" + std::to_string(kMostBytes);
    std::size_t skipped = 0;
    if (options.tail) {
        const std::string before = api.get_text(target);
        skipped = before.size() - last_lines(before, options.tail).size();
    }
    HttpRequest request{.method = "GET", .target = target + "&follow=1", .token = {}, .body = {}};
    request.on_piece = [&](std::string_view piece) {
        const std::size_t now = std::min(skipped, piece.size());
        skipped -= now;
        piece.remove_prefix(now);
        context.terminal.out << (context.terminal.is_terminal ? printable(piece, true) : std::string(piece))
                             << std::flush;
    };
    api.call(request);
}

void logs(Context& context, const Options& options) {
    const ApiClient api = context.api();
    const std::string id = api.find_session(options.id);
    if (options.follow) {
        follow(context, api, id, options);
        return;
    }
    const auto show = [&](const std::string& stream, std::ostream& to) {
        const std::string text = last_lines(api.get_text("/v1/sessions/" + id + "/logs?stream=" + stream +
                                                         "&tail=" + std::to_string(kMostBytes)),
                                            options.tail);
        to << (context.terminal.is_terminal ? printable(text, true) : text);
        if (!text.empty() && text.back() != '\n')
            to << "\n";
    };
    // What ChimeraX wrote to its standard error goes to ours.
    if (options.stream != "stderr")
        show("stdout", context.terminal.out);
    if (options.stream != "stdout")
        show("stderr", options.stream.empty() ? context.terminal.err : context.terminal.out);
}

} // namespace

void add_logs(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("logs", "Show what a session's ChimeraX wrote to stdout and stderr");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("--stream", options->stream, "Only stdout, or only stderr").one_of({"stdout", "stderr"});
    verb.option("--tail", options->tail, "Only the last N lines").of("N");
    verb.flag("-f,--follow", options->follow,
              "Go on with what is written, until the session has ended; one stream, stdout unless given");
    verb.run([options, &context] { logs(context, *options); });
}

} // namespace sandbox::ctl
