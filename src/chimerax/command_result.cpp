#include "sandbox/chimerax/command_result.hpp"

#include "python_json.hpp"
#include "sandbox/base/error.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace sandbox::chimerax {
namespace {

// A log of this many messages is no log; it would cost the reader far more memory than the reply has bytes.
constexpr std::size_t kMaxEntries = 100'000;

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Errc::engine, "ChimeraX's answer is not understood: " + what +
                                  "; the command may have run, so look before you send it again");
}

/// Takes from the reply what a CommandResult keeps, as the parser passes it, and builds no tree of the rest:
/// an engine that sends 64 MiB of `[0,0,…` must not cost a gigabyte. Exceptions pass through the parser.
class ReplyReader {
  public:
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;

    CommandResult take() { return std::move(result_); }
    /// At least one of ChimeraX's keys was there.
    bool is_known() const { return known_; }

    bool null() {
        if (in_values())
            add(result_.values, "null");
        else
            scalar(Kind::null);
        return true;
    }
    bool boolean(bool) { return scalar(Kind::other); }
    bool number_integer(number_integer_t) { return scalar(Kind::other); }
    bool number_unsigned(number_unsigned_t) { return scalar(Kind::other); }
    bool number_float(number_float_t, const string_t&) { return scalar(Kind::other); }
    bool binary(binary_t&) { return scalar(Kind::other); }

    bool string(string_t& text) {
        if (in_values())
            add(result_.values, checked_value(text));
        else if (section_ == Section::log && depth_ == 3 && known_key_)
            add(*log_, std::move(text));
        else if (section_ == Section::error && depth_ == 2 && known_key_)
            *error_text_ = std::move(text);
        else
            scalar(Kind::other);
        return true;
    }

    bool start_object(std::size_t) {
        if (depth_ == 0 || (depth_ == 1 && section_ == Section::log)) {
            // the reply itself, and "log messages"
        } else if (depth_ == 1 && section_ == Section::error) {
            result_.error.emplace();
        } else if (!is_skipped()) {
            refuse_section();
        }
        ++depth_;
        return true;
    }
    bool end_object() {
        --depth_;
        return true;
    }
    bool start_array(std::size_t) {
        if (depth_ == 0)
            refuse("it is not an object");
        const bool expected = (depth_ == 1 && section_ == Section::values) ||
                              (depth_ == 2 && section_ == Section::log) || is_skipped();
        if (!expected)
            refuse_section();
        ++depth_;
        return true;
    }
    bool end_array() {
        --depth_;
        return true;
    }

    bool key(string_t& name) {
        if (depth_ == 1)
            enter_section(name);
        else if (depth_ == 2 && section_ == Section::log)
            known_key_ = (log_ = log_named(name)) != nullptr;
        else if (depth_ == 2 && section_ == Section::error)
            known_key_ = (error_text_ = error_text_named(name)) != nullptr;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
        refuse("no JSON at byte " + std::to_string(position));
    }

  private:
    enum class Section { skipped, values, log, error };
    enum class Kind { null, other };

    /// A key that only a later release knows, or one that nobody needs.
    bool is_skipped() const { return section_ == Section::skipped || !known_key_; }
    bool in_values() const { return section_ == Section::values && depth_ == 2; }

    bool scalar(Kind kind) {
        if (depth_ == 0)
            refuse("it is not an object");
        if (is_skipped())
            return true;
        if (kind == Kind::null && depth_ == 1) // the whole section is null: as good as absent
            return true;
        refuse_section();
    }

    [[noreturn]] void refuse_section() const {
        constexpr std::array<std::string_view, 4> kNames{"an unknown key", "json values", "log messages",
                                                         "error"};
        refuse("a value of the wrong type in \"" + std::string(kNames[static_cast<std::size_t>(section_)]) +
               '"');
    }

    void enter_section(const string_t& name) {
        known_key_ = true;
        known_ = known_ || name == "json values" || name == "log messages" || name == "error";
        section_ = name == "json values"    ? Section::values
                   : name == "log messages" ? Section::log
                   : name == "error"        ? Section::error
                                            : Section::skipped;
    }

    std::vector<std::string>* log_named(const string_t& name) {
        return name == "note"      ? &result_.note
               : name == "warning" ? &result_.warning
               : name == "error"   ? &result_.error_log
               : name == "bug"     ? &result_.bug
                                   : nullptr; // a level that a later release may add
    }

    std::string* error_text_named(const string_t& name) {
        return name == "type" ? &result_.error->type : name == "message" ? &result_.error->message : nullptr;
    }

    static std::string checked_value(const string_t& text) {
        std::string value = replace_python_constants(text);
        if (!nlohmann::json::accept(value))
            refuse("a string in \"json values\" does not hold JSON");
        return value;
    }

    void add(std::vector<std::string>& list, std::string text) {
        if (++entries_ > kMaxEntries)
            refuse("more than " + std::to_string(kMaxEntries) + " values and messages");
        list.push_back(std::move(text));
    }

    CommandResult result_;
    Section section_ = Section::skipped;
    std::vector<std::string>* log_ = nullptr;
    std::string* error_text_ = nullptr;
    bool known_key_ = true;
    std::size_t depth_ = 0;
    std::size_t entries_ = 0;
    bool known_ = false;
};

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

} // namespace

CommandResult parse_command_result(std::string_view body) {
    const std::string text = replace_python_constants(body);
    ReplyReader reader;
    nlohmann::json::sax_parse(text, &reader);
    if (!reader.is_known())
        refuse("none of the keys \"json values\", \"log messages\", \"error\" is in it");
    return reader.take();
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
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string target = "/run";
    char separator = '?';
    for (const std::string& command : commands) {
        target += separator;
        target += "command=";
        separator = '&';
        for (const char c : command) {
            const auto byte = static_cast<unsigned char>(c);
            if (is_unreserved(c))
                target += c;
            else
                ((target += '%') += kHex[byte >> 4]) += kHex[byte & 15];
        }
    }
    return target;
}

} // namespace sandbox::chimerax
