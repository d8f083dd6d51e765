#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

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

/// Shows a piece of a log now. Throws Error io where it cannot be written, for example as the disk is full:
/// who follows a log would go on for nothing.
void put(std::ostream& to, const std::string& text) {
    if (!(to << text << std::flush))
        throw Error(Errc::io, "the log cannot be written to where the output goes",
                    "Make room there, or send it elsewhere.");
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
        put(context.terminal.out, context.terminal.is_terminal ? printable(piece, true) : std::string(piece));
    };
    api.call(request);
}

void show_all(Context& context, const ApiClient& api, const std::string& id, const Options& options) {
    const auto show = [&](const std::string& stream, std::ostream& to) {
        std::string text = last_lines(api.get_text("/v1/sessions/" + id + "/logs?stream=" + stream +
                                                   "&tail=" + std::to_string(kMostBytes)),
                                      options.tail);
        if (!text.empty() && text.back() != '\n')
            text += '\n';
        put(to, context.terminal.is_terminal ? printable(text, true) : text);
    };
    // What ChimeraX wrote to its standard error goes to ours.
    if (options.stream != "stderr")
        show("stdout", context.terminal.out);
    if (options.stream != "stdout")
        show("stderr", options.stream.empty() ? context.terminal.err : context.terminal.out);
}

/// Of a session whose log is not there any more: the last lines that its end has. Throws `refusal`, which
/// says why, where there are none.
void show_tail(Context& context, const Json& session, const Options& options, const Error& refusal) {
    const Json& tail = member(session, {"end", "log_tail"});
    if (!tail.is_string() || tail.get<std::string>().empty())
        throw refusal;
    std::string text = last_lines(printable(tail.get<std::string>(), true), options.tail);
    if (!text.empty() && text.back() != '\n')
        text += '\n';
    put(context.terminal.out, text);
    const Json& why = member(session, {"end", "log", "message"});
    context.terminal.err << "sandboxctl: these are the last lines of both streams; the rest went with the "
                            "session"
                         << (why.is_string() ? ": " + printable(why.get<std::string>()) : ".") << "\n";
}

void logs(Context& context, const Options& options) {
    const ApiClient api = context.api();
    const std::string id = api.find_session(options.id);
    try {
        if (options.follow)
            follow(context, api, id, options);
        else
            show_all(context, api, id, options);
    } catch (const Error& error) {
        if (error.code() != Errc::gone)
            throw;
        show_tail(context, api.get_session(id), options, error);
    }
}

} // namespace

void add_logs(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb =
        app.add_verb("logs", "Show what a session's ChimeraX wrote to stdout and stderr, also after its end");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("--stream", options->stream, "Only stdout, or only stderr").one_of({"stdout", "stderr"});
    verb.option("--tail", options->tail, "Only the last N lines").of("N");
    verb.flag("-f,--follow", options->follow,
              "Go on with what is written, until the session has ended; one stream, stdout unless given");
    verb.run([options, &context] { logs(context, *options); });
}

} // namespace sandbox::ctl
