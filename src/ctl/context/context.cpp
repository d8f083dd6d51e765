#include "ctl/context/context.hpp"

#include "ctl/format/standard_output.hpp"
#include "sandbox/base/file.hpp"

#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string read_token(const std::string& path) {
    if (path.empty())
        return {};
    std::string token = read_file(path, 4096);
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
        token.pop_back();
    // It becomes a header line.
    for (const char c : token)
        if (c <= ' ' || c > '~')
            throw Error(Errc::invalid_argument, "the token in " + path + " has a character that no token has",
                        "The file holds one token and nothing else.", "token-file");
    if (token.empty())
        throw Error(Errc::invalid_argument, "there is no token in " + path, {}, "token-file");
    return token;
}

} // namespace

ApiClient Context::api(int until) const {
    Host host = parse_host(globals.host);
    host.ca_file = globals.ca_file;
    return ApiClient([host = std::move(host), token = read_token(globals.token_file), until,
                      &out = terminal.out](HttpRequest request, Duration timeout) {
        request.token = token;
        request.until = request.until >= 0 ? request.until : until;
        // What is streamed for nobody goes on for nothing.
        if (request.on_piece)
            request.on_piece = [take = std::move(request.on_piece), &out](std::string_view piece) {
                take(piece);
                if (out.fail())
                    throw OutputLost{};
            };
        return exchange(host, request, timeout);
    });
}

void Context::print(const Json& document) const {
    terminal.out << document.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void Context::print(const Table& table) const {
    terminal.out << table.text(terminal.width, !globals.no_headers);
}

void Context::say(const std::string& line) const {
    if (!globals.quiet)
        terminal.out << line << "\n";
}

std::string painted(const Terminal& terminal, const std::string& text, Colour colour) {
    if (!terminal.colours || colour == Colour::plain)
        return text;
    const char* code = "0";
    switch (colour) {
    case Colour::green:
        code = "32";
        break;
    case Colour::yellow:
        code = "33";
        break;
    case Colour::red:
        code = "31";
        break;
    case Colour::dim:
        code = "2";
        break;
    case Colour::bold:
        code = "1";
        break;
    case Colour::plain:
        break;
    }
    return "\033[" + std::string(code) + "m" + text + "\033[0m";
}

int report(const Terminal& terminal, const Error& error) {
    terminal.err << "sandboxctl: " << printable(error.what(), true) << "\n";
    if (!error.cure().empty())
        terminal.err << "  " << printable(error.cure(), true) << "\n";
    return errc_info(error.code()).exit_status;
}

} // namespace sandbox::ctl
