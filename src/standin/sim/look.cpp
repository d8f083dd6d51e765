// sim read, write, ls, status, env, info, set, get: what the process sees, and a little state.
#include "standin/base/command.hpp"
#include "standin/base/descriptors.hpp"
#include "standin/base/text.hpp"
#include "standin/base/version.hpp"
#include "standin/session/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace standin {
namespace {

Value error_value(int error) {
    return {JsonObject().text("error", ::strerrorname_np(error)).str(), "null"};
}

Value read_path(Session&, Words& words) {
    constexpr std::size_t kMost = 65536;
    const std::string path = words.take("path");
    words.end();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_value(errno);
    std::string text(kMost, '\0');
    std::size_t length = 0;
    ssize_t count = 0;
    while (length < kMost && (count = ::read(fd, text.data() + length, kMost - length)) > 0)
        length += static_cast<std::size_t>(count);
    const int error = count < 0 ? errno : 0;
    ::close(fd);
    if (error != 0)
        return error_value(error);
    text.resize(length);
    return {JsonObject().text("text", text).str(), "null"};
}

Value write_path(Session&, Words& words) {
    const std::string path = words.take("path");
    const std::string text = words.take("text");
    words.end();
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_value(errno);
    const ssize_t count = ::write(fd, text.data(), text.size());
    const int error = count < 0 ? errno : 0;
    ::close(fd);
    return error != 0 ? error_value(error) : Value{JsonObject().number("bytes", count).str(), "null"};
}

std::vector<std::string> names_in(const std::string& path, int& error) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
    error = folder ? 0 : errno;
    while (folder) {
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr)
            break;
        const std::string name = entry->d_name;
        if (name != "." && name != "..")
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

Value list_path(Session&, Words& words) {
    const std::string path = words.take("path");
    words.end();
    int error = 0;
    const std::vector<std::string> names = names_in(path, error);
    if (error != 0)
        return error_value(error);
    return {JsonObject().raw("names", quote_all(names)).str(), "null"};
}

Value status(Session& session, Words& words) {
    words.end();
    JsonObject object;
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon != std::string::npos)
            object.text(line.substr(0, colon), trim(std::string_view(line).substr(colon + 1)));
    }
    object.raw("inherited", session.inherited); // when it started; the REST server's own come later
    object.raw("descriptors", descriptors_above_2());
    return {object.str(), "null"};
}

Value environment(Session&, Words& words) {
    const std::string name = words.take("name");
    words.end();
    const char* value = std::getenv(name.c_str());
    return {JsonObject().raw("value", value == nullptr ? "null" : quote(value)).str(), "null"};
}

Value info(Session& session, Words& words) {
    words.end();
    std::vector<std::string> models;
    std::size_t atoms = 0;
    for (const Model& model : session.models) {
        models.push_back(model.name);
        atoms += model.atoms.size();
    }
    JsonObject kept;
    for (const auto& [name, value] : session.kept)
        kept.text(name, value);
    const auto uptime = std::chrono::steady_clock::now() - session.started;
    return {JsonObject()
                .boolean("stand_in", true)
                .text("version", kVersion)
                .number("pid", ::getpid())
                .number("ppid", ::getppid())
                .number("uptime_milliseconds",
                        std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count())
                .number("commands", static_cast<long long>(session.commands_run))
                .raw("models", quote_all(models))
                .number("atoms", static_cast<long long>(atoms))
                .raw("kept", kept.str())
                .str(),
            "null"};
}

Value set(Session& session, Words& words) {
    const std::string name = words.take("name");
    session.kept[name] = words.take("value");
    words.end();
    return {};
}

Value get(Session& session, Words& words) {
    const std::string name = words.take("name");
    words.end();
    const auto found = session.kept.find(name);
    return {JsonObject().raw("value", found == session.kept.end() ? "null" : quote(found->second)).str(),
            "null"};
}

} // namespace

void add_sim_look_verbs(CommandTable& table) {
    table["read"] = read_path;
    table["write"] = write_path;
    table["ls"] = list_path;
    table["status"] = status;
    table["env"] = environment;
    table["info"] = info;
    table["set"] = set;
    table["get"] = get;
}

} // namespace standin
