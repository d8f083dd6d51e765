// sim hang, sleep, crash, raise, unserializable, exit, flood, ignore-eof, ignore-term, daemonize, http,
// answer: end or misbehave as a process.
#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/scene/session_file.hpp"
#include "standin/session/session.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace standin {
namespace {

void sleep_seconds(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// The main thread alone: the REST thread goes on and serves pages, until a request for /run blocks it too.
Value hang(Session&, Words& words) {
    const bool for_ever = words.empty();
    const double seconds = for_ever ? 0 : words.take_seconds("seconds");
    words.end();
    if (!for_ever) {
        sleep_seconds(seconds);
        return {};
    }
    for (;;)
        ::pause();
}

Value sleep(Session&, Words& words) {
    const double seconds = words.take_seconds("seconds");
    words.end();
    sleep_seconds(seconds);
    return {};
}

Value crash(Session&, Words& words) {
    const std::string name = words.take("signal");
    words.end();
    constexpr int kSignals = 65;
    for (int signal = 1; signal < kSignals; ++signal) {
        const char* abbreviation = ::sigabbrev_np(signal);
        if (name == std::to_string(signal) ||
            (abbreviation != nullptr &&
             (name == abbreviation || name == std::string("SIG") + abbreviation))) {
            ::kill(::getpid(), signal);
            // Blocked, ignored, or delivered to another thread in a moment.
            sleep_seconds(1);
            return {JsonObject().number("survived", signal).str(), "null"};
        }
    }
    throw ParseError("Expected a signal, as SEGV");
}

Value exit_now(Session&, Words& words) {
    const auto status = words.take_number("status", 255);
    ::_exit(static_cast<int>(status));
}

// Not the caller's mistake but a command's own: `json true` reports it, `json false` dies of it.
Value raise_exception(Session&, Words& words) {
    throw std::runtime_error(words.take("message"));
}

// A value that json.dumps cannot write: the process dies under `json true`, the client gets no answer.
Value unserializable(Session&, Words&) {
    std::fputs("TypeError: Object of type set is not JSON serializable\n", stderr);
    std::abort();
}

Value flood(Session&, Words& words) {
    const std::string stream = words.take("stream");
    if (stream != "stdout" && stream != "stderr")
        throw ParseError("Expected one of stdout, stderr");
    unsigned long long bytes = words.take_bytes("bytes");
    const bool one_line = words.take_word("longline");
    words.end();
    const int fd = stream == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
    std::string block(std::size_t{80} * 800, 'x');
    for (std::size_t i = 79; i < block.size() && !one_line; i += 80)
        block[i] = '\n';
    unsigned long long written = 0;
    while (written < bytes) {
        const ssize_t count =
            ::write(fd, block.data(), std::min<unsigned long long>(block.size(), bytes - written));
        if (count < 0 && errno != EINTR)
            break;
        written += count > 0 ? static_cast<unsigned long long>(count) : 0;
    }
    return {JsonObject().number("bytes", static_cast<long long>(written)).str(), "null"};
}

Value print_text(Session&, Words& words) {
    print(words.text().substr(words.text().find(' ') + 1) + "\n");
    return {};
}

Value ignore_eof(Session& session, Words& words) {
    words.end();
    session.ignore_eof = true;
    return {};
}

Value ignore_term(Session&, Words& words) {
    words.end();
    for (const int signal : std::array{SIGTERM, SIGHUP, SIGINT})
        std::signal(signal, SIG_IGN);
    return {};
}

// A grandchild in a session of its own that outlives us wherever it can.
Value daemonize(Session&, Words& words) {
    words.end();
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0)
        throw UserError("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        const pid_t grandchild = ::fork();
        if (grandchild != 0) {
            [[maybe_unused]] const ssize_t told = ::write(pipe[1], &grandchild, sizeof grandchild);
            ::_exit(0);
        }
        for (const int signal : std::array{SIGTERM, SIGHUP, SIGINT})
            std::signal(signal, SIG_IGN);
        ::setsid();
        for (;;)
            ::pause();
    }
    pid_t grandchild = -1;
    ::close(pipe[1]);
    if (child < 0 || ::read(pipe[0], &grandchild, sizeof grandchild) != sizeof grandchild)
        grandchild = -1;
    ::close(pipe[0]);
    if (child > 0)
        ::waitpid(child, nullptr, 0);
    return {JsonObject().number("pid", grandchild).str(), "null"};
}

Value break_http(Session& session, Words& words) {
    constexpr std::array<std::pair<std::string_view, Sabotage>, 7> kKinds{
        {{"none", Sabotage::none},
         {"notjson", Sabotage::notjson},
         {"wronglength", Sabotage::wronglength},
         {"endless", Sabotage::endless},
         {"huge", Sabotage::huge},
         {"half", Sabotage::half},
         {"slow", Sabotage::slow}}};
    const std::string name = words.take("kind");
    const bool page = words.take_word("page");
    words.end();
    for (const auto& [text, kind] : kKinds) {
        if (text != name)
            continue;
        if (page)
            session.rest.break_next_page(kind);
        else
            session.rest.break_next_run(kind, session.log.is_capturing());
        return {};
    }
    throw ParseError("Expected one of none, notjson, wronglength, endless, huge, half, slow");
}

// What a ChimeraX may answer, or one that a tenant has changed.
Value answer_next(Session& session, Words& words) {
    std::string body = read_whole_file(words.take("fileName"));
    words.end();
    session.rest.answer_next_run(std::move(body), session.log.is_capturing());
    return {};
}

} // namespace

void add_sim_process_verbs(CommandTable& table) {
    table["hang"] = hang;
    table["sleep"] = sleep;
    table["crash"] = crash;
    table["raise"] = raise_exception;
    table["unserializable"] = unserializable;
    table["exit"] = exit_now;
    table["flood"] = flood;
    table["print"] = print_text;
    table["ignore-eof"] = ignore_eof;
    table["ignore-term"] = ignore_term;
    table["daemonize"] = daemonize;
    table["http"] = break_http;
    table["answer"] = answer_next;
}

} // namespace standin
