#pragma once

#include "standin/base/logger.hpp"
#include "standin/session/http_connection.hpp"
#include "standin/session/http_text.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace standin {

class Session;
struct Value;

/// How the next answer is broken (`sim http`).
enum class Sabotage { off, none, notjson, wronglength, endless, huge, half, slow };

/// ChimeraX's REST server: HTTP/1.0, one connection after the other on one thread, so that an idle one blocks
/// all; commands run on the main thread.
class RestServer {
  public:
    struct Settings {
        std::uint16_t port = 0; ///< 0: any free one
        bool json = false;
        bool log = false;
        bool cors = false;
    };

    explicit RestServer(Session& session) : session_(session) {}

    /// Binds the name `localhost` on a thread of its own, which tells of success on stdout and of failure on
    /// stderr; the process runs on in both cases.
    void start(const Settings& settings);
    bool is_started() const { return started_; }
    /// Then host and port are what it listens on.
    bool is_listening() const { return listening_; }
    /// From REST it deadlocks the request that asks for it: answered, never closed, and no other one served.
    void stop();
    /// `127.0.0.1`, 50000 of the listening socket.
    std::string host() const { return host_; }
    std::uint16_t port() const { return port_; }

    /// Breaks the next answer to a command, after the one to the request that asks for it, or the next page.
    /// They are told apart, as a health check's request for a page can come at any time.
    void break_next_run(Sabotage kind, bool asked_by_request);
    /// The next answer to a command has this body, in the same way.
    void answer_next_run(std::string body, bool asked_by_request);
    void break_next_page(Sabotage kind) { page_sabotage_ = kind; }

  private:
    int listen_on_localhost(std::string& problem);
    void serve(int listener);
    void handle(http::Connection& connection);
    void answer_get_or_post(http::Connection& connection, const http::Request& request);
    void answer_options(http::Connection& connection, const http::Request& request);
    void answer_static(http::Connection& connection, const std::string& path);
    void log_error(int status, const std::string& message) const;
    void send(http::Connection& connection, std::atomic<Sabotage>& sabotage, const std::string& head,
              const std::string& body);
    std::string cors_headers(const http::Request& request) const;
    std::string run_commands(const http::Arguments& arguments);
    std::string run_here(const http::Arguments& arguments);

    Session& session_;
    Settings settings_;
    std::atomic<bool> started_ = false;
    std::atomic<bool> deadlocked_ = false;
    std::atomic<bool> listening_ = false; ///< written after host_ and port_
    std::string host_;
    std::uint16_t port_ = 0;
    std::string peer_;
    std::atomic<Sabotage> page_sabotage_ = Sabotage::off;
    std::atomic<Sabotage> run_sabotage_ = Sabotage::off;
    std::atomic<Sabotage> no_sabotage_ = Sabotage::off; ///< for an answer that must be whole
    std::optional<std::string> next_body_; ///< set while a request waits for its answer, or none runs
    std::atomic<bool> armed_ = false;      ///< the asking request still waits for its own answer
};

} // namespace standin
