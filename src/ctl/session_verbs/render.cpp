#include "ctl/context/progress.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/terminal/output_file.hpp"

#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// A picture can wait for a command that runs.
constexpr Duration kRenderTimeout = std::chrono::minutes(30);

struct Options {
    std::string id, file;
    std::optional<std::uint64_t> width, height, supersample;
    bool transparent = false;
};

Json body_of(const Options& options) {
    Json body = Json::object();
    const auto add = [&](const char* name, const std::optional<std::uint64_t>& value) {
        if (value)
            body[name] = *value;
    };
    add("width", options.width);
    add("height", options.height);
    add("supersample", options.supersample);
    if (options.transparent)
        body["transparent"] = true;
    return body;
}

void render(Context& context, const Options& options) {
    const bool to_output = options.file == "-";
    if (to_output && context.terminal.is_terminal)
        throw Error(Errc::invalid_argument, "a picture is nothing for a terminal",
                    "Name a file, or let another program read it.", "OUT");
    const ApiClient api = context.api();
    HttpRequest request{.method = "POST",
                        .target = "/v1/sessions/" + api.find_session(options.id) + "/render",
                        .token = {},
                        .body = body_of(options).dump()};
    const Progress progress(context, "rendering");
    std::optional<OutputFile> file;
    if (!to_output)
        file.emplace(options.file);
    request.on_piece = [&](std::string_view piece) {
        if (file)
            file->write(piece);
        else
            context.terminal.out << piece;
    };
    request.quiet = kAnswerTimeout;
    api.call(request, context.globals.timeout.value_or(kRenderTimeout));
    if (file)
        file->keep();
    else
        context.terminal.out << std::flush;
}

} // namespace

void add_render(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("render", "Save a picture of what a session shows");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("OUT", options->file, "The PNG file; - is standard output").of("FILE").required();
    verb.option("--width", options->width, "In pixels, 800 unless given").of("N");
    verb.option("--height", options->height, "In pixels, 600 unless given").of("N");
    verb.option("--supersample", options->supersample,
                "Samples a pixel in each direction, 1 to 8; 1 unless given")
        .of("N");
    verb.flag("--transparent", options->transparent, "With no background");
    verb.run([options, &context] { render(context, *options); });
}

} // namespace sandbox::ctl
