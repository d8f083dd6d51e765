#include "standin/session/session.hpp"

#include "standin/base/text.hpp"
#include "standin/base/version.hpp"

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include <sysexits.h>
#include <unistd.h>

namespace standin {
namespace {

// The command of that name, or the only one that begins so.
const CommandTable::value_type* look_up(const CommandTable& table, std::string_view name) {
    const auto first = table.lower_bound(name);
    if (name.empty() || first == table.end() || !first->first.starts_with(name))
        return nullptr;
    if (first->first == name)
        return &*first;
    const auto second = std::next(first);
    return second == table.end() || !second->first.starts_with(name) ? &*first : nullptr;
}

// One line from a pipe; false at its end. What stands before an end without a line break is dropped.
bool read_line(std::string& pending, std::string& line) {
    for (;;) {
        if (const std::size_t end = pending.find('\n'); end != std::string::npos) {
            line = pending.substr(0, end);
            pending.erase(0, end + 1);
            return true;
        }
        std::array<char, 4096> buffer;
        const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        pending.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

} // namespace

Session::Session(Options given_options, Settings given_settings, std::string given_root)
    : options(std::move(given_options)),
      settings(given_settings),
      root(std::move(given_root)),
      log(options.silent) {
    add_general_commands(table_);
    add_model_commands(table_);
    add_file_commands(table_);
    add_rest_commands(table_);
    add_sim_commands(table_);
}

std::vector<Value> Session::run(std::string_view line, bool tell) {
    std::vector<Value> values;
    while (!line.empty()) {
        const std::size_t end = end_of_command(line);
        const std::string_view command = trim(line.substr(0, end));
        if (!command.empty())
            values.push_back(run_one(command, trim(line), tell));
        line.remove_prefix(std::min(line.size(), end + 1));
    }
    return values;
}

Value Session::run_one(std::string_view command, std::string_view rest_of_line, bool tell) {
    const std::string_view name = command.substr(0, command.find_first_of(" \t"));
    const auto* entry = look_up(table_, name);
    if (entry == nullptr) {
        if (tell)
            log.log(Level::error, rest_of_line);
        throw ParseError("Unknown command: " + std::string(rest_of_line));
    }
    const std::string_view arguments = trim(command.substr(name.size()));
    if (tell)
        log.note("Executing: " + entry->first + (arguments.empty() ? "" : " ") + std::string(arguments));
    ++commands_run;
    Words words(split_words(arguments), std::string(arguments));
    return entry->second(*this, words);
}

int Session::run_all() {
    std::this_thread::sleep_for(settings.start_delay);
    try {
        for (const std::string& command : options.commands) {
            const std::lock_guard lock(loop.command_mutex());
            run(command, true);
        }
        for (const std::string& script : options.scripts) {
            const std::lock_guard lock(loop.command_mutex());
            run("runscript " + script, true);
        }
        for (const std::string& file : options.files) {
            const std::lock_guard lock(loop.command_mutex());
            run("open '" + file + "'", true);
        }
    } catch (const UserError& error) {
        log.log(Level::error, error.what());
        return EX_SOFTWARE;
    } catch (const Quit&) {
        return EX_OK;
    }
    startup_messages();
    if (options.exit)
        return EX_OK;
    std::thread([this] { read_prompt(); }).detach();
    return loop.run();
}

void Session::startup_messages() {
    if (!options.silent) {
        log.note(std::string("UCSF ChimeraX version: ") + kVersion);
        log.note(kWhatThisIs);
    }
}

void Session::read_prompt() {
    std::string pending;
    std::string line;
    std::mutex mutex;
    std::condition_variable wake;
    for (;;) {
        print("cmd> ");
        if (!read_line(pending, line))
            break;
        bool done = false;
        loop.post([&] {
            try {
                run(line, true);
            } catch (const UserError& error) {
                log.log(Level::error, error.what());
            } catch (const Quit&) {
                log.status("Exiting ...");
                loop.stop(EX_OK);
            } catch (const std::exception& error) {
                log.log(Level::error, "\nUnexpected exception, save your work and exit:\n");
                log.log(Level::bug, error.what());
            }
            const std::lock_guard lock(mutex);
            done = true;
            wake.notify_one();
        });
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return done; });
    }
    loop.post([this] {
        print("EOF\n");
        if (!ignore_eof)
            loop.stop(EX_OK);
    });
}

void Session::quit_behind_prompt() {
    log.status("Exiting ...");
    python.close(); // Python's streams are flushed before it stumbles
    std::this_thread::sleep_for(std::chrono::seconds(1));
    // What Python says when it shuts down under a thread that reads stdin.
    std::fputs("Fatal Python error: _enter_buffered_busy: could not acquire lock for <_io.BufferedReader "
               "name='<stdin>'> at interpreter shutdown, possibly due to daemon threads\n"
               "Python runtime state: finalizing (tstate=0x00007f81d7160018)\n\n"
               "Current thread 0x00007f81d7220740 (most recent call first):\n  <no Python frame>\n",
               stderr);
    std::fflush(stderr);
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

} // namespace standin
