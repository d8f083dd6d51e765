#pragma once

#include "standin/base/command.hpp"
#include "standin/base/descriptors.hpp"
#include "standin/base/event_loop.hpp"
#include "standin/base/logger.hpp"
#include "standin/base/options.hpp"
#include "standin/base/settings.hpp"
#include "standin/scene/molecule.hpp"
#include "standin/session/python.hpp"
#include "standin/session/rest_server.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace standin {

/// All that one process keeps. What stands here without a mutex belongs to whoever holds the event loop's
/// command_mutex.
class Session {
  public:
    Session(Options options, Settings settings, std::string root);

    /// Runs a line of commands parted by `;`. `log`: tell what is executed, as at the prompt. Throws
    /// UserError and Quit; what ran before stays done.
    std::vector<Value> run(std::string_view line, bool log);

    /// Start-up commands, then the prompt and the event loop. Gives the exit status.
    int run_all();

    /// As after `exit` over REST while the prompt waits for input: ends by SIGABRT after a second.
    [[noreturn]] void quit_behind_prompt();

    const Options options;
    const Settings settings;
    const std::string inherited = descriptors_above_2(); ///< as this was made, first thing in the process
    const std::string root;                              ///< `<root>/bin/ChimeraX` is this program
    const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

    Logger log;
    EventLoop loop;
    RestServer rest{*this};
    Python python{*this};
    std::vector<Model> models;
    std::map<std::string, std::string> kept; ///< `sim set`; a session file carries it
    unsigned long long commands_run = 0;
    std::atomic<bool> ignore_eof = false;

  private:
    Value run_one(std::string_view command, std::string_view rest_of_line, bool log);
    void startup_messages();
    void read_prompt();

    CommandTable table_;
};

} // namespace standin
