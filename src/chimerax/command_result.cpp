#include "sandbox/chimerax/command_result.hpp"

#include "chimerax/python_json.hpp"
#include "sandbox/base/encoding.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace sandbox::chimerax {
namespace {

using nlohmann::json;

/// As deep as Python writes unless it is told otherwise; who reads the answer may have no more room than
/// that.
constexpr std::size_t kMaxDepth = 1000;

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Errc::engine, "ChimeraX's answer is not understood: " + what +
                                  "; the command may have run, so look before you send it again")
        .of_sent_request();
}

// The functions below walk over JSON that is known to be valid, and build no tree of it: an engine that sends
// 64 MiB of `[0,0,…` must not cost a gigabyte.

bool is_between(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':';
}

std::size_t string_length(std::string_view text) {
    std::size_t i = 1;
    while (text[i] != '"')
        i += text[i] == '\\' ? 2 : 1;
    return i + 1;
}

std::size_t value_length(std::string_view text) {
    if (text[0] == '"')
        return string_length(text);
    if (text[0] != '[' && text[0] != '{')
        return std::min(text.find_first_of(",]} \t\n\r"), text.size());
    std::size_t depth = 0, i = 0;
    do {
        if (text[i] == '"') {
            i += string_length(text.substr(i));
            continue;
        }
        if (text[i] == '[' || text[i] == '{')
            ++depth;
        else if (text[i] == ']' || text[i] == '}')
            --depth;
        ++i;
    } while (depth > 0);
    return i;
}

/// The values of an array, or the keys and values of an object in turn.
class Items {
  public:
    explicit Items(std::string_view container) : rest_(container.substr(1)) {}

    /// Empty: there are no more.
    std::string_view next() {
        while (is_between(rest_[0]))
            rest_.remove_prefix(1);
        if (rest_[0] == ']' || rest_[0] == '}')
            return {};
        const std::string_view item = rest_.substr(0, value_length(rest_));
        rest_.remove_prefix(item.size());
        return item;
    }

  private:
    std::string_view rest_;
};

bool is_string(std::string_view value) {
    return value[0] == '"';
}

/// What a string says; of another value, its JSON.
std::string text_of(std::string_view value) {
    return is_string(value) ? json::parse(value).get<std::string>() : std::string(value);
}

/// A `json value` is a string that holds JSON. What no reader would take is told as a text.
std::string value_of(std::string_view item) {
    const std::string text = text_of(item);
    StrictJson value = to_strict_json(text);
    if (value.depth <= kMaxDepth && json::accept(value.text))
        return std::move(value.text);
    return json(text).dump();
}

class ReplyReader {
  public:
    explicit ReplyReader(std::size_t most_entries) : room_(most_entries) {}

    CommandResult read(std::string_view reply) {
        bool known = false;
        Items members(reply);
        for (std::string_view key = members.next(); !key.empty(); key = members.next())
            known = read_member(text_of(key), members.next()) || known;
        if (!known)
            refuse(R"(none of the keys "json values", "log messages", "error" is in it)");
        if (left_out_ > 0)
            result_.warning.push_back(std::to_string(left_out_) +
                                      " more values and messages are left out: the answer has too many\n");
        return std::move(result_);
    }

  private:
    /// False for a key that only a later release knows, or one that nobody needs. Of a key that comes twice,
    /// the last counts.
    bool read_member(const std::string& key, std::string_view value) {
        if (key == "json values")
            read_values(value);
        else if (key == "log messages")
            read_log(value);
        else if (key == "error")
            read_error(value);
        else
            return false;
        return true;
    }

    void read_values(std::string_view value) {
        result_.values.clear();
        if (value == "null")
            return;
        if (value[0] != '[')
            refuse(R"("json values" is not a list)");
        Items items(value);
        for (std::string_view item = items.next(); !item.empty(); item = items.next())
            if (has_room())
                result_.values.push_back(value_of(item));
    }

    void read_log(std::string_view value) {
        for (auto* list : {&result_.note, &result_.warning, &result_.error_log, &result_.bug})
            list->clear();
        if (value == "null")
            return;
        if (value[0] != '{')
            refuse(R"("log messages" is not an object)");
        Items levels(value);
        for (std::string_view key = levels.next(); !key.empty(); key = levels.next())
            read_level(text_of(key), levels.next());
    }

    void read_level(const std::string& name, std::string_view value) {
        std::vector<std::string>* list = name == "note"      ? &result_.note
                                         : name == "warning" ? &result_.warning
                                         : name == "error"   ? &result_.error_log
                                         : name == "bug"     ? &result_.bug
                                                             : nullptr; // one that a later release may add
        if (list == nullptr)
            return;
        list->clear();
        if (value == "null")
            return;
        if (value[0] != '[')
            refuse("\"" + name + "\" in \"log messages\" is not a list");
        Items messages(value);
        for (std::string_view message = messages.next(); !message.empty(); message = messages.next())
            if (has_room())
                list->push_back(text_of(message));
    }

    void read_error(std::string_view value) {
        result_.error.reset();
        if (value == "null")
            return;
        result_.error.emplace();
        if (is_string(value)) {
            result_.error->message = text_of(value);
            return;
        }
        if (value[0] != '{')
            refuse(R"("error" is not an object)");
        Items members(value);
        for (std::string_view key = members.next(); !key.empty(); key = members.next()) {
            const std::string name = text_of(key);
            const std::string_view said = members.next();
            if (name == "type")
                result_.error->type = text_of(said);
            else if (name == "message")
                result_.error->message = text_of(said);
        }
    }

    bool has_room() {
        if (room_ == 0) {
            ++left_out_;
            return false;
        }
        --room_;
        return true;
    }

    CommandResult result_;
    std::size_t room_;
    std::size_t left_out_ = 0;
};

} // namespace

std::size_t CommandResult::entries() const {
    return values.size() + note.size() + warning.size() + error_log.size() + bug.size();
}

CommandResult parse_command_result(std::string_view body, std::size_t most_entries) {
    const StrictJson reply = to_strict_json(body);
    if (!json::accept(reply.text))
        refuse("it is no JSON");
    const std::size_t start = reply.text.find_first_not_of(" \t\n\r");
    if (reply.text[start] != '{')
        refuse("it is not an object");
    return ReplyReader(most_entries).read(std::string_view(reply.text).substr(start));
}

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// As a form's value; what is no valid escape stays as it is.
std::string decode_form(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escaped = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                             hex_value(text[i + 2]) >= 0;
        if (escaped) {
            decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            decoded += text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

/// Calls `visit` with each part between the separators.
template <typename Visit>
void split(std::string_view text, char separator, Visit visit) {
    while (true) {
        const std::size_t end = text.find(separator);
        visit(text.substr(0, end));
        if (end == std::string_view::npos)
            return;
        text.remove_prefix(end + 1);
    }
}

} // namespace

bool asks_exit(std::string_view target) {
    bool found = false;
    const std::size_t query = target.find('?');
    if (query == std::string_view::npos)
        return false;
    split(target.substr(query + 1), '&', [&](std::string_view field) {
        if (!field.starts_with("command="))
            return;
        split(decode_form(field.substr(8)), ';', [&](std::string_view command) {
            const std::size_t begin = command.find_first_not_of(' ');
            if (begin == std::string_view::npos)
                return;
            const std::string_view word = command.substr(begin, command.find(' ', begin) - begin);
            found = found || word == "exit" || word == "quit";
        });
    });
    return found;
}

std::string run_target(const std::vector<std::string>& commands) {
    std::string target = "/run";
    char separator = '?';
    for (const std::string& command : commands) {
        target += separator;
        target += "command=" + percent_encode(command);
        separator = '&';
    }
    return target;
}

} // namespace sandbox::chimerax
