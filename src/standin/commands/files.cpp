#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/scene/picture.hpp"
#include "standin/scene/session_file.hpp"
#include "standin/session/session.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>

#include <sys/mman.h>
#include <unistd.h>

namespace standin {
namespace {

bool looks_like_pdb_id(const std::string& text) {
    return text.size() == 4 && std::isdigit(static_cast<unsigned char>(text.front())) != 0 &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

Value opened(const std::vector<Model>& models) {
    std::vector<std::string> specs;
    std::vector<std::string> names;
    for (const Model& model : models) {
        specs.push_back(model.spec());
        names.push_back(model.name + " " + model.spec());
    }
    return {JsonObject().raw("model specs", quote_all(specs)).str(), quote_all(names)};
}

Value open_session(Session& session, const std::string& path) {
    SessionState state = read_session_file(path);
    session.models = std::move(state.models);
    session.kept = std::move(state.kept);
    session.log.note("opened ChimeraX session");
    return opened(session.models);
}

// The notes as far as a file's own text can give them.
void describe(Session& session, const Model& model) {
    const std::string spec = model.spec();
    if (!model.title.empty())
        session.log.note("_" + model.name + "_ title:  \n **" + model.title +
                         "**\n[[more\u00a0info...]](cxcmd:log metadata " + spec + ")  \n  \n");
    std::vector<std::string> links;
    for (const Chain& chain : model.chains())
        links.push_back("[" + chain.id + "](cxcmd:select /" + chain.id + ":" +
                        chain.residues.front()->number + "-" + chain.residues.back()->number +
                        " \"Select chain\")");
    if (!links.empty())
        session.log.note("Chain information for " + model.name + " " + spec +
                         "  \n---  \nChain | Description  \n" + join(links, " ") +
                         " | No description available  \n  \n");
}

Value open(Session& session, Words& words) {
    const std::string path = words.take("names");
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        if (looks_like_pdb_id(path)) // what a real one says without a network; this one never uses it
            throw UserError("Fetching url http://files.rcsb.org/download/" + lower(path) +
                            ".cif failed:\n<urlopen error [Errno -2] Name or service not known>");
        throw UserError("No such file/path: " + path);
    }
    const std::filesystem::path file(path);
    const std::string suffix = lower(file.extension().string());
    if (suffix == ".cxs")
        return open_session(session, path);
    if (suffix == ".py") {
        session.python.run(path, {});
        return {};
    }
    if (suffix != ".pdb" && suffix != ".ent")
        throw UserError("Unrecognized file suffix '" + file.extension().string() + "'");
    Model model = read_pdb(read_whole_file(path), file.filename().string());
    for (const Model& other : session.models)
        model.id = std::max(model.id, other.id);
    ++model.id;
    session.models.push_back(std::move(model));
    describe(session, session.models.back());
    return opened({session.models.back()});
}

// OSMesa's JIT writes code and runs it; where the kernel forbids that, rendering crashes.
void need_writable_code() {
    constexpr std::size_t kPage = 4096;
    void* code =
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        std::raise(SIGSEGV);
    ::munmap(code, kPage);
}

Value save_image(Session& session, const std::string& path, Words& words) {
    constexpr unsigned long long kMostPixels = 16384;
    Picture picture;
    while (!words.empty()) {
        const std::string keyword = words.take("keyword");
        if (keyword == "width")
            picture.width = static_cast<std::uint32_t>(words.take_number("width", kMostPixels));
        else if (keyword == "height")
            picture.height = static_cast<std::uint32_t>(words.take_number("height", kMostPixels));
        else if (keyword == "supersample")
            picture.supersample = static_cast<std::uint32_t>(words.take_number("supersample", 16));
        else if (keyword == "transparentBackground")
            picture.transparent = words.take_bool("transparentBackground");
        else
            throw ParseError("Expected a keyword");
    }
    if (picture.width == 0 || picture.height == 0)
        throw ParseError("Invalid \"width\" argument: Must be greater than or equal to 1");
    picture.supersample = std::max(picture.supersample, 1U);
    if (!session.options.offscreen || session.settings.fail == FailStart::norender)
        throw UserError("Unable to save images because OpenGL rendering is not available");
    need_writable_code();
    save_picture(path, session.models, picture);
    return {};
}

Value save(Session& session, Words& words) {
    const std::string path = words.take("fileName");
    const std::string suffix = lower(std::filesystem::path(path).extension().string());
    if (suffix == ".png")
        return save_image(session, path, words);
    if (suffix == ".cxs") {
        read_whole_file("/proc/stat"); // the real one asks psutil about itself: it must be there
        read_whole_file("/proc/" + std::to_string(::getpid()) + "/stat");
        save_session_file(path, {session.models, session.kept});
        return {};
    }
    throw UserError("Unrecognized file suffix '" + suffix + "'");
}

} // namespace

void add_file_commands(CommandTable& table) {
    table["open"] = open;
    table["save"] = save;
}

} // namespace standin
