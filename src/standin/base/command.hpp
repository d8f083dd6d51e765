#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace standin {

class Session;

/// What a command returns, as the two lists of a JSON reply show it.
struct Value {
    std::optional<std::string> json; ///< JSON text; absent is null
    std::string python = "null";     ///< JSON text
};

/// The caller's mistake: a note and an `error` in the reply, never the end of the process.
struct UserError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The command's text is wrong, so nothing ran: `log true` then shows the text as an error.
struct ParseError : UserError {
    using UserError::UserError;
};

/// The command `exit`.
struct Quit {};

/// A command's words after its name, taken one by one.
class Words {
  public:
    Words(std::vector<std::string> words, std::string text)
        : words_(std::move(words)),
          text_(std::move(text)) {}

    bool empty() const { return next_ == words_.size(); }
    std::size_t left() const { return words_.size() - next_; }
    const std::string& peek() const { return words_.at(next_); }
    /// Throws ParseError `Missing or invalid "what" argument` at the end.
    std::string take(const std::string& what);
    std::optional<std::string> take_if_any();
    /// Takes the word when it is the next one.
    bool take_word(std::string_view word);
    unsigned long long take_number(const std::string& what, unsigned long long most);
    unsigned long long take_bytes(const std::string& what);
    double take_seconds(const std::string& what);
    bool take_bool(const std::string& what);
    /// Throws ParseError where something is left.
    void end() const;
    /// All of the command's text after its name.
    const std::string& text() const { return text_; }

  private:
    std::vector<std::string> words_;
    std::string text_;
    std::size_t next_ = 0;
};

using Command = std::function<Value(Session&, Words&)>;
using CommandTable = std::map<std::string, Command, std::less<>>;

/// `list`, and `info` without more.
Value list_models(Session& session, Words& words);

void add_general_commands(CommandTable& table);
void add_model_commands(CommandTable& table);
void add_file_commands(CommandTable& table);
void add_rest_commands(CommandTable& table);
void add_sim_commands(CommandTable& table);

/// The verbs of `sim`, by what they do.
void add_sim_load_verbs(CommandTable& table);
void add_sim_process_verbs(CommandTable& table);
void add_sim_network_verbs(CommandTable& table);
void add_sim_look_verbs(CommandTable& table);

} // namespace standin
