#include "standin/base/command.hpp"
#include "standin/session/session.hpp"

namespace standin {
namespace {

Value start(Session& session, Words& words) {
    RestServer::Settings settings;
    while (!words.empty()) {
        const std::string keyword = words.take("keyword");
        if (keyword == "port")
            settings.port = static_cast<std::uint16_t>(words.take_number("port", 65535));
        else if (keyword == "json")
            settings.json = words.take_bool("json");
        else if (keyword == "log")
            settings.log = words.take_bool("log");
        else if (keyword == "cors")
            settings.cors = words.take_bool("cors");
        else
            throw ParseError("Expected a keyword");
    }
    if (session.rest.is_started())
        session.log.log(Level::error, "REST server is already running");
    else
        session.rest.start(settings);
    return {};
}

Value port(Session& session, Words& words) {
    words.end();
    session.log.note(session.rest.is_listening() ? "REST server is listening on host " + session.rest.host() +
                                                       " port " + std::to_string(session.rest.port())
                                                 : "REST server is not running");
    return {};
}

Value stop(Session& session, Words& words) {
    words.end();
    const bool was_started = session.rest.is_started();
    if (was_started)
        session.rest.stop();
    session.log.note(was_started ? "REST server stopped" : "REST server is not running");
    return {};
}

Value remotecontrol(Session& session, Words& words) {
    if (!words.take_word("rest"))
        throw ParseError("Unknown command: remotecontrol " + words.text());
    const std::string verb = words.take("verb");
    if (verb == "start")
        return start(session, words);
    if (verb == "port")
        return port(session, words);
    if (verb == "stop")
        return stop(session, words);
    throw ParseError("Unknown command: remotecontrol " + words.text());
}

} // namespace

void add_rest_commands(CommandTable& table) {
    table["remotecontrol"] = remotecontrol;
}

} // namespace standin
