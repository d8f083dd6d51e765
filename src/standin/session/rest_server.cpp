#include "standin/session/rest_server.hpp"

#include "standin/base/text.hpp"
#include "standin/session/fault_injection.hpp"
#include "standin/session/rest_reply.hpp"
#include "standin/session/session.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace standin {
namespace {

constexpr std::string_view kCommandLinePage =
    "<!DOCTYPE html>\n<html>\n<head><title>chimerax-standin</title></head>\n<body>\n"
    "<p>This is the stand-in of chimerax-sandbox, not UCSF ChimeraX.</p>\n"
    "<form action=\"run\" method=\"get\"><input type=\"text\" name=\"command\">"
    "<input type=\"submit\" value=\"Run\"></form>\n</body>\n</html>\n";

std::string python_os_error() {
    return "OSError: [Errno " + std::to_string(errno) + "] " + std::strerror(errno);
}

void traceback(const std::string& last_line) {
    std::fputs(("Traceback (most recent call last):\n  File \"socketserver.py\", in server_bind\n" +
                last_line + "\n")
                   .c_str(),
               stderr);
}

// What an exception that no command's caller made does under `json false`.
[[noreturn]] void die_of_exception(const CommandError& error) {
    traceback(error.type + ": " + error.message);
    std::abort();
}

std::string content_type_of(std::string_view path) {
    return path.ends_with(".html")                            ? "text/html"
           : path.ends_with(".png") || path.ends_with(".ico") ? "image/png"
                                                              : "text/plain";
}

std::string head_200(std::string_view type, std::size_t length, const std::string& more = {}) {
    return http::head(200, "OK") + "Content-Type: " + std::string(type) +
           "\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
}

} // namespace

int RestServer::listen_on_localhost(std::string& problem) {
    if (session_.settings.fail == FailStart::bind) {
        errno = EADDRINUSE;
        problem = python_os_error();
        return -1;
    }
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo("localhost", nullptr, &hints, &found); error != 0) {
        problem = "socket.gaierror: [Errno " + std::to_string(error) + "] " + ::gai_strerror(error);
        return -1;
    }
    sockaddr_in address{};
    std::memcpy(&address, found->ai_addr, sizeof address);
    ::freeaddrinfo(found);
    address.sin_port = htons(settings_.port);

    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, generic, length) != 0 || ::listen(fd, 5) != 0 ||
        ::getsockname(fd, generic, &length) != 0) {
        problem = python_os_error();
        ::close(fd);
        return -1;
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    host_ = text.data();
    port_ = ntohs(address.sin_port);
    return fd;
}

void RestServer::start(const Settings& settings) {
    settings_ = settings;
    started_ = true;
    deadlocked_ = false;
    if (session_.settings.fail == FailStart::noport)
        return;
    std::thread([this] {
        std::string problem;
        const int listener = listen_on_localhost(problem);
        if (listener < 0) {
            traceback(problem);
            started_ = false;
            return;
        }
        listening_ = true;
        const std::string place = host_ + " port " + std::to_string(port_);
        session_.loop.post([this, place] {
            print("REST server started on host " + place + "\n");
            session_.log.note("REST server started on host " + place + "\nVisit http://" + host_ + ":" +
                              std::to_string(port_) + "/cmdline.html for CLI interface");
        });
        serve(listener);
    }).detach();
}

void RestServer::stop() {
    deadlocked_ = true;
    started_ = false;
    listening_ = false;
}

void RestServer::serve(int listener) {
    while (!deadlocked_) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        std::array<char, INET_ADDRSTRLEN> text{};
        ::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
        peer_ = text.data();
        http::Connection connection(fd);
        try {
            handle(connection);
        } catch (const http::ConnectionError& error) {
            const std::string rule(40, '-');
            std::fprintf(stderr,
                         "%s\nException occurred during processing of request from ('%s', %d)\n"
                         "Traceback (most recent call last):\n%s\n%s\n",
                         rule.c_str(), peer_.c_str(), ntohs(peer.sin_port), error.what(), rule.c_str());
        }
        if (deadlocked_)
            connection.leak();
    }
}

void RestServer::log_error(int status, const std::string& message) const {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 64> stamp{};
    std::strftime(stamp.data(), stamp.size(), "%d/%b/%Y %H:%M:%S", &parts);
    std::fprintf(stderr, "%s - - [%s] code %d, message %s\n", peer_.c_str(), stamp.data(), status,
                 message.c_str());
}

void RestServer::handle(http::Connection& connection) {
    std::optional<http::Request> request;
    try {
        request = http::read_request(connection);
        if (!request)
            return;
        const bool known =
            request->method == "GET" || request->method == "POST" || request->method == "OPTIONS";
        if (!known)
            throw http::BadRequest{501, "Unsupported method ('" + request->method + "')"};
        if (request->method == "OPTIONS")
            answer_options(connection, *request);
        else
            answer_get_or_post(connection, *request);
    } catch (const http::BadRequest& bad) {
        const std::string message =
            bad.message.empty() ? std::string(http::reason_of(bad.status)) : bad.message;
        log_error(bad.status, message);
        const bool with_body = !request || request->method != "HEAD";
        connection.send(http::error_answer({bad.status, message, bad.with_head, with_body}));
    }
}

// Only pages of this machine may use it from a browser, and only where `cors true` said so.
std::string RestServer::cors_headers(const http::Request& request) const {
    const auto origin = request.headers.find("origin");
    if (!settings_.cors || origin == request.headers.end())
        return {};
    for (const std::string_view allowed : {"http://localhost", "https://localhost", "http://127.0.0.1"}) {
        const std::string& text = origin->second;
        if (text == allowed || text.starts_with(std::string(allowed) + ":"))
            return "Access-Control-Allow-Origin: " + text +
                   "\r\nAccess-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
                   "Access-Control-Allow-Headers: Content-Type\r\n";
    }
    return {};
}

void RestServer::answer_options(http::Connection& connection, const http::Request& request) {
    if (!settings_.cors)
        throw http::BadRequest{405, {}};
    const std::string cors = cors_headers(request);
    if (cors.empty())
        throw http::BadRequest{403, "Forbidden: CORS only allowed for localhost origins"};
    connection.send(http::head(200, "OK") + cors +
                    "Access-Control-Max-Age: 86400\r\nContent-Length: 0\r\n\r\n");
}

void RestServer::answer_get_or_post(http::Connection& connection, const http::Request& request) {
    const std::string_view target = std::string_view(request.target).substr(0, request.target.find('#'));
    const std::size_t question = target.find('?');
    const std::string path(target.substr(0, question));
    if (path != "/run")
        return answer_static(connection, path);

    http::Arguments arguments;
    if (question != std::string_view::npos)
        arguments = http::parse_query(target.substr(question + 1));
    const auto type = request.headers.find("content-type");
    if (request.method == "POST" && type != request.headers.end() &&
        lower(type->second).starts_with("multipart/form-data")) {
        const std::string boundary = http::parameter(type->second, "boundary");
        http::parse_multipart(connection.read_until("--" + boundary + "--"), boundary, arguments);
    }
    std::string body = run_commands(arguments);
    const bool asks_for_it = armed_.exchange(false);
    if (!asks_for_it && next_body_)
        body = *std::exchange(next_body_, std::nullopt);
    send(connection, asks_for_it ? no_sabotage_ : run_sabotage_,
         head_200(settings_.json ? "application/json" : "text/plain", body.size(), cors_headers(request)),
         body);
}

// The real one joins the path to its folder of pages without a look at `..`, and so does this one: what
// stands before it must not let such a path through.
void RestServer::answer_static(http::Connection& connection, const std::string& path) {
    if (path == "/cmdline.html")
        return send(connection, page_sabotage_, head_200("text/html", kCommandLinePage.size()),
                    std::string(kCommandLinePage));
    const std::string file = session_.root + "/" + (path.empty() ? path : path.substr(1));
    struct stat status {};
    std::ifstream stream(file, std::ios::binary);
    if (!stream || ::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        throw http::BadRequest{404, {}};
    const std::string data((std::istreambuf_iterator<char>(stream)), {});
    send(connection, page_sabotage_, head_200(content_type_of(path), data.size()), data);
}

void RestServer::send(http::Connection& connection, std::atomic<Sabotage>& sabotage, const std::string& head,
                      const std::string& body) {
    const Sabotage kind = sabotage.exchange(Sabotage::off);
    if (kind == Sabotage::off)
        connection.send(head + body);
    else
        send_broken(connection, kind, head, body);
}

void RestServer::break_next_run(Sabotage kind, bool asked_by_request) {
    run_sabotage_ = kind;
    armed_ = asked_by_request;
}

void RestServer::answer_next_run(std::string body, bool asked_by_request) {
    next_body_ = std::move(body);
    armed_ = asked_by_request;
}

std::string RestServer::run_commands(const http::Arguments& arguments) {
    auto promise = std::make_shared<std::promise<std::string>>();
    std::future<std::string> reply = promise->get_future();
    session_.loop.post([this, promise, arguments] { promise->set_value(run_here(arguments)); });
    return reply.get();
}

std::string RestServer::run_here(const http::Arguments& arguments) {
    CommandOutcome outcome;
    session_.log.begin_capture();
    try {
        const auto commands = arguments.find("command");
        if (commands == arguments.end())
            session_.log.log(Level::error, "\"command\" parameter missing");
        else
            for (const std::string& command : commands->second)
                outcome.values = session_.run(command, settings_.log);
    } catch (const UserError& error) {
        session_.log.note(error.what());
        outcome.error = {"UserError", error.what()};
    } catch (const Quit&) {
        session_.quit_behind_prompt();
    } catch (const std::exception& error) { // a defect, or `sim raise`
        session_.log.log(Level::bug, error.what());
        outcome.error = {"RuntimeError", error.what()};
    }
    if (outcome.error)
        outcome.values.clear();
    outcome.messages = session_.log.end_capture();
    if (outcome.error && outcome.error->type != "UserError" && !settings_.json)
        die_of_exception(*outcome.error);
    return settings_.json ? json_body(outcome) : outcome.messages.plain;
}

} // namespace standin
