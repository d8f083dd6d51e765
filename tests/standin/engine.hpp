#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

/// Starts what is to be tested: a real ChimeraX where CHIMERAX names one, else the stand-in (STANDIN, which
/// meson sets). Not as root, in a HOME and a working folder of its own, all gone with the object.
class Engine {
  public:
    enum class Stdin { pipe, null };
    struct Start {
        std::vector<std::string> arguments; ///< `PORT` in them stands for a free port
        std::map<std::string, std::string> environment;
        Stdin input = Stdin::pipe;
        bool as_root = false;
        std::string home; ///< instead of the one of its own
        std::function<void()> before_exec = [] {};
    };

    /// The usual command line with these options of the REST server.
    explicit Engine(const std::string& rest_options = "json true") : Engine(usual(rest_options)) {}
    explicit Engine(const Start& start);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    static Start usual(const std::string& rest_options);
    static bool is_real();

    /// Until the REST server listens. Throws when the process ends before, or after 60 s.
    void wait_ready();

    /// All that comes back for these bytes until the peer closes, or for `timeout`.
    std::string exchange(std::string_view request,
                         std::chrono::milliseconds timeout = std::chrono::seconds(60));
    std::string get(std::string_view target) {
        return exchange("GET " + std::string(target) + " HTTP/1.0\r\n\r\n");
    }
    /// The body of the reply to a command.
    std::string run(std::string_view command);
    /// The first of its json values, decoded.
    std::string value(std::string_view command);
    /// A connection that has sent nothing.
    sandbox::UniqueFd connect() const;

    void close_stdin() { input_.reset(); }
    void write_stdin(std::string_view text) const;
    void send_signal(int signal) const;
    /// The wait status. Throws after `timeout`.
    int wait_exit(std::chrono::milliseconds timeout = std::chrono::seconds(60));
    bool is_running();

    std::string out() const;
    std::string err() const;
    /// Until stdout (or stderr) holds this text. Throws after 60 s.
    void wait_for_output(std::string_view text) const;
    void wait_for_error_output(std::string_view text) const;

    const std::string& folder() const { return folder_; }
    std::string host() const { return host_; }
    std::uint16_t port() const { return port_; }
    pid_t pid() const { return pid_; }

  private:
    [[noreturn]] void become(const Start& start, int input) const;

    std::string program_;
    std::string folder_; ///< working folder; HOME is `home` in it, output goes to `out` and `err`
    std::string host_ = "127.0.0.1";
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
    int status_ = -1;
    sandbox::UniqueFd input_;
};
