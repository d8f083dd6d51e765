#include "standin/session/python.hpp"

#include "standin/base/command.hpp"
#include "standin/session/session.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace standin {
namespace {

constexpr const char* kPython = "/usr/bin/python3";
constexpr int kChildSocket = 3;

// Isolated, as the embedded one is: no PYTHONUNBUFFERED, no PYTHONPATH.
[[noreturn]] void become_python(int socket, const char* host) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        ::dup2(null, STDIN_FILENO);
    ::dup2(socket, kChildSocket); // which drops close-on-exec
    ::close_range(kChildSocket + 1, ~0U, 0);
    ::execl(kPython, kPython, "-I", "-X", "faulthandler", host, "3", nullptr);
    ::_exit(127);
}

// The socket gives nothing more: the child is gone, and the thread that waits for it ends this process.
[[noreturn]] void wait_for_the_end() {
    for (;;)
        ::pause();
}

} // namespace

void Python::start() {
    if (socket_ >= 0)
        return;
    if (::access(kPython, X_OK) != 0)
        throw UserError(std::string("This is the stand-in of chimerax-sandbox: it runs scripts by ") +
                        kPython + ", which is not here");
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw UserError(std::string("no socket for Python: ") + std::strerror(errno));
    const std::string host = session_.root + "/python/host.py";
    const pid_t child = ::fork();
    if (child == 0)
        become_python(ends[1], host.c_str());
    ::close(ends[1]);
    if (child < 0) {
        ::close(ends[0]);
        throw UserError(std::string("no process for Python: ") + std::strerror(errno));
    }
    socket_ = ends[0];
    std::thread([this, child] { end_as_child_did(child); }).detach();
}

void Python::end_as_child_did(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    ended_.notify_all();
    if (is_closing_)
        return;
    if (WIFSIGNALED(status)) {
        std::signal(WTERMSIG(status), SIG_DFL); // Python has told about it
        // To this thread: one that goes to the process may reach another thread after the exit below.
        sigset_t own;
        ::sigemptyset(&own);
        ::sigaddset(&own, WTERMSIG(status));
        ::pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
        ::raise(WTERMSIG(status));
    }
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

void Python::close() {
    std::unique_lock lock(mutex_);
    if (socket_ < 0)
        return;
    is_closing_ = true;
    ::shutdown(socket_, SHUT_WR);
    ended_.wait_for(lock, std::chrono::seconds(2), [&] { return has_ended_; });
}

void Python::send(const std::string& verb, const std::string& text) const {
    const std::string message = verb + " " + std::to_string(text.size()) + "\n" + text;
    for (std::size_t sent = 0; sent < message.size();) {
        const ssize_t count = ::send(socket_, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            wait_for_the_end();
        sent += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
}

std::string Python::receive_exactly(std::size_t length) const {
    std::string text(length, '\0');
    for (std::size_t have = 0; have < length;) {
        const ssize_t count = ::recv(socket_, text.data() + have, length - have, 0);
        if (count == 0 || (count < 0 && errno != EINTR))
            wait_for_the_end();
        have += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return text;
}

Python::Message Python::receive() const {
    std::string head;
    while (!head.ends_with('\n'))
        head += receive_exactly(1);
    const std::size_t space = head.find(' ');
    return {head.substr(0, space), receive_exactly(std::stoul(head.substr(space + 1)))};
}

void Python::serve(const Message& message) {
    constexpr std::array<std::pair<const char*, Level>, 4> kLevels{
        {{"note", Level::note}, {"warning", Level::warning}, {"error", Level::error}, {"bug", Level::bug}}};
    for (const auto& [name, level] : kLevels)
        if (message.verb == name)
            return session_.log.log(level, message.text);
    if (message.verb == "status")
        return session_.log.status(message.text);
    try {
        session_.run(message.text, false);
    } catch (const std::exception& error) {
        return send("failed", error.what());
    }
    send("done", {});
}

void Python::run(const std::string& path, const std::vector<std::string>& arguments) {
    std::error_code ignored;
    const std::string file = std::filesystem::absolute(path, ignored);
    if (!std::filesystem::exists(file, ignored))
        throw UserError("No such file/path: " + path);
    start();
    std::string words = file;
    for (const std::string& argument : arguments)
        (words += '\0') += argument;
    send("script", words);
    for (;;) {
        const Message message = receive();
        if (message.verb == "done")
            return;
        if (message.verb == "failed")
            throw UserError(message.text);
        if (message.verb == "quit")
            throw Quit();
        serve(message);
    }
}

} // namespace standin
