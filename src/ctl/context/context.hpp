#pragma once

#include "ctl/format/table.hpp"
#include "ctl/http/api_client.hpp"

#include <iosfwd>
#include <optional>
#include <string>

namespace sandbox::ctl {

enum class Format { usual, table, json, id };

/// What goes before or behind any verb.
struct Globals {
    std::string host = "unix:///run/chimerax-sandbox/api.sock";
    std::string token_file;
    std::string ca_file;
    Format format = Format::usual;
    bool no_headers = false;
    bool quiet = false;
    std::optional<Duration> timeout;
};

/// Where the words go.
struct Terminal {
    std::ostream& out;
    std::ostream& err;
    std::size_t width = 0; ///< columns; 0: not a terminal, nothing is cut
    bool colours = false;
    bool is_terminal = false; ///< text of tenants is made harmless
    bool err_is_terminal = false;
    int input = 0; ///< the descriptor of standard input
};

/// What a verb works with.
class Context {
  public:
    Context(Globals& what, Terminal& where) : globals(what), terminal(where) {}

    /// Each of its exchanges breaks off once `until` is readable; -1: none.
    ApiClient api(int until = -1) const;
    bool json() const { return globals.format == Format::json; }
    /// JSON as it is, indented.
    void print(const Json& document) const;
    void print(const Table& table) const;
    /// A line on standard output, unless -q.
    void say(const std::string& line) const;

    Globals& globals;
    Terminal& terminal;
    int exit_status = 0;
};

enum class Colour { plain, green, yellow, red, dim, bold };
std::string painted(const Terminal& terminal, const std::string& text, Colour colour);

/// "sandboxctl: what failed" and its cure; returns the exit status of the error's code.
int report(const Terminal& terminal, const Error& error);

} // namespace sandbox::ctl
