#include "standin/scene/session_file.hpp"

#include "standin/base/command.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

namespace standin {
namespace {

// A record is `key length`, a line break, so many bytes, a line break.
constexpr std::string_view kMagic = "chimerax-standin session 1\n";

void put(std::ostream& stream, std::string_view key, std::string_view value) {
    stream << key << ' ' << value.size() << '\n' << value << '\n';
}

struct Record {
    std::string_view key;
    std::string_view value;
};

Record take(std::string_view& text, const std::string& path) {
    const std::size_t end = text.find('\n');
    const std::size_t space = text.substr(0, end).find(' ');
    std::size_t length = 0;
    if (end == std::string_view::npos || space == std::string_view::npos ||
        std::from_chars(text.data() + space + 1, text.data() + end, length).ec != std::errc() ||
        text.size() - end - 1 < length + 1)
        throw UserError("not a session file of the stand-in: '" + path + "'");
    const Record record{text.substr(0, space), text.substr(end + 1, length)};
    text.remove_prefix(end + 1 + length + 1);
    return record;
}

[[noreturn]] void fail(const std::string& path) {
    throw UserError("[Errno " + std::to_string(errno) + "] " + std::strerror(errno) + ": '" + path + "'");
}

} // namespace

std::string read_whole_file(const std::string& path) {
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
        fail(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void save_session_file(const std::string& path, const SessionState& state) {
    errno = 0;
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << kMagic;
    for (const auto& [name, value] : state.kept) {
        put(stream, "name", name);
        put(stream, "value", value);
    }
    for (const Model& model : state.models) {
        put(stream, "model", model.name);
        put(stream, "id", std::to_string(model.id));
        put(stream, "color", model.color);
        put(stream, "pdb", model.source);
    }
    stream.flush();
    if (!stream)
        fail(path);
}

SessionState read_session_file(const std::string& path) {
    const std::string whole = read_whole_file(path);
    std::string_view text = whole;
    if (!text.starts_with(kMagic))
        throw UserError("not a session file of the stand-in: '" + path + "'");
    text.remove_prefix(kMagic.size());
    SessionState state;
    std::string name;
    Model head;
    while (!text.empty()) {
        const Record record = take(text, path);
        const std::string value(record.value);
        if (record.key == "name" || record.key == "model") {
            name = value;
        } else if (record.key == "value") {
            state.kept[name] = value;
        } else if (record.key == "id") {
            std::from_chars(value.data(), value.data() + value.size(), head.id);
        } else if (record.key == "color") {
            head.color = value;
        } else if (record.key == "pdb") {
            Model model = read_pdb(value, name);
            model.id = head.id;
            model.color = head.color;
            state.models.push_back(std::move(model));
        }
    }
    return state;
}

} // namespace standin
