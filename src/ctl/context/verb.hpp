#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

// CLI11 is slow to compile: the verbs say what they take in these words, and verb.cpp alone includes it.
namespace CLI {
class App;
class Option;
} // namespace CLI

namespace sandbox::ctl {

/// One option of a verb, or one of its arguments. Each word returns the option again.
class Option {
  public:
    explicit Option(CLI::Option* option) : option_(option) {}
    Option& required();
    Option& one_of(std::initializer_list<const char*> words);
    Option& show_default();
    /// What it takes, as help and manual pages show it and completion offers it: ID, POLICY, TENANT, FILE,
    /// FOLDER, or any other word.
    Option& of(const char* kind);

  private:
    CLI::Option* option_;
};

/// A verb of the command line, or the whole of it. What options are bound to must live until `run`'s action
/// has been called.
class Verb {
  public:
    explicit Verb(CLI::App& app) : app_(&app) {}

    Verb add_verb(const char* name, const char* help);
    /// Exactly one verb of this one's must follow; this one's options may stand behind it.
    void require_verb();

    /// `names` as "-t,--tenant" for an option, "NAME" for an argument.
    Option option(const char* names, std::string& value, const char* help);
    Option option(const char* names, std::optional<double>& value, const char* help);
    Option option(const char* names, std::optional<std::uint64_t>& value, const char* help);
    /// May come again, each time with one value; an argument takes all words that follow.
    Option option(const char* names, std::vector<std::string>& values, const char* help);
    void flag(const char* names, bool& value, const char* help);

    /// What is done once the whole command line is read.
    void run(std::function<void()> action);

  private:
    CLI::App* app_;
};

} // namespace sandbox::ctl
