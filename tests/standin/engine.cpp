#include "engine.hpp"

#include "sandbox/base/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr uid_t kNobody = 65534;

std::string executable() {
    for (const char* name : {"CHIMERAX", "STANDIN"})
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
            return fs::canonical(value);
    throw std::runtime_error("set CHIMERAX or STANDIN to the program to be tested");
}

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
}

std::uint16_t free_port() {
    const sandbox::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = address_of("127.0.0.1", 0);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), generic, length) != 0 || ::getsockname(fd.get(), generic, &length) != 0)
        throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

// Polls, as output into a file has no event of its own.
void wait_until(const std::function<bool()>& done, const std::string& what) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error("waited 60 s for " + what);
        std::this_thread::sleep_for(5ms);
    }
}

std::string encode(std::string_view command) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string text;
    for (const char c : command) {
        const auto byte = static_cast<unsigned char>(c);
        ((text += '%') += kHex[byte >> 4]) += kHex[byte & 15];
    }
    return text;
}

} // namespace

bool Engine::is_real() {
    const char* value = std::getenv("CHIMERAX");
    return value != nullptr && *value != '\0';
}

Engine::Start Engine::usual(const std::string& rest_options) {
    Start start;
    start.arguments = {"--nogui", "--offscreen", "--nocolor", "--cmd",
                       "remotecontrol rest start port PORT " + rest_options};
    return start;
}

Engine::Engine(const Start& start) : program_(executable()), port_(free_port()) {
    std::string path = fs::temp_directory_path() / "standin-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        throw std::runtime_error("no temporary folder");
    folder_ = fs::canonical(path);
    fs::create_directory(folder_ + "/home");
    const bool demote = ::geteuid() == 0 && !start.as_root;
    for (const std::string& owned : {folder_, folder_ + "/home"})
        if (demote && ::chown(owned.c_str(), kNobody, kNobody) != 0)
            throw std::runtime_error("cannot give away " + owned);

    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    sandbox::UniqueFd read_end(pipe[0]);
    input_ = sandbox::UniqueFd(pipe[1]);
    if (start.input == Stdin::null)
        read_end = sandbox::open_fd("/dev/null", O_RDONLY);
    pid_ = ::fork();
    if (pid_ == 0)
        become(start, read_end.get());
    if (pid_ < 0)
        throw std::runtime_error("cannot fork");
}

void Engine::become(const Start& start, int input) const {
    try {
        start.before_exec();
        if (::chdir(folder_.c_str()) != 0)
            ::_exit(125);
        if (::geteuid() == 0 && !start.as_root &&
            (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
            ::_exit(125);
        const int out = ::open("out", O_WRONLY | O_CREAT | O_APPEND, 0644);
        const int err = ::open("err", O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(input, STDIN_FILENO);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        ::close_range(3, ~0U, 0);

        std::vector<std::string> words{program_};
        for (std::string word : start.arguments) {
            if (const std::size_t at = word.find("PORT"); at != std::string::npos)
                word.replace(at, 4, std::to_string(port_));
            words.push_back(std::move(word));
        }
        std::vector<std::string> variables{"PATH=/usr/bin:/bin",
                                           "HOME=" + (start.home.empty() ? folder_ + "/home" : start.home)};
        for (const auto& [name, value] : start.environment)
            variables.push_back(name + "=" + value);
        const auto pointers = [](std::vector<std::string>& texts) {
            std::vector<char*> result;
            for (std::string& text : texts)
                result.push_back(text.data());
            result.push_back(nullptr);
            return result;
        };
        ::execve(words.front().c_str(), pointers(words).data(), pointers(variables).data());
    } catch (...) {
    }
    ::_exit(126);
}

Engine::~Engine() {
    if (is_running()) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

bool Engine::is_running() {
    if (status_ == -1 && ::waitpid(pid_, &status_, WNOHANG) == 0)
        status_ = -1;
    return status_ == -1;
}

int Engine::wait_exit(std::chrono::milliseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (is_running()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error("the process did not end in time");
        std::this_thread::sleep_for(2ms);
    }
    return status_;
}

std::string Engine::out() const {
    return fs::exists(folder_ + "/out") ? sandbox::read_file(folder_ + "/out") : std::string();
}

std::string Engine::err() const {
    return fs::exists(folder_ + "/err") ? sandbox::read_file(folder_ + "/err") : std::string();
}

void Engine::wait_for_output(std::string_view text) const {
    wait_until([&] { return out().find(text) != std::string::npos; }, std::string(text));
}

void Engine::wait_for_error_output(std::string_view text) const {
    wait_until([&] { return err().find(text) != std::string::npos; }, std::string(text));
}

void Engine::wait_ready() {
    constexpr std::string_view kReady = "REST server started on host ";
    wait_until(
        [&] {
            const std::string text = out();
            const std::size_t at = text.find(kReady);
            const std::size_t end = text.find(" port ", at);
            if (at != std::string::npos && end != std::string::npos)
                host_ = text.substr(at + kReady.size(), end - at - kReady.size());
            if (!is_running())
                throw std::runtime_error("ended before it was ready:\n" + text + err());
            return at != std::string::npos && end != std::string::npos;
        },
        "the REST server");
}

sandbox::UniqueFd Engine::connect() const {
    sandbox::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = address_of(host_, port_);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect to port " + std::to_string(port_));
    return fd;
}

std::string Engine::exchange(std::string_view request, std::chrono::milliseconds timeout) {
    const sandbox::UniqueFd fd = connect();
    ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string reply;
    std::array<char, 16384> buffer{};
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd poll{fd.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) == 0)
            return reply + "<<timed out>>";
        const ssize_t count = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0)
            return reply;
        reply.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

std::string Engine::run(std::string_view command) {
    const std::string reply = get("/run?command=" + encode(command));
    const std::size_t body = reply.find("\r\n\r\n");
    return body == std::string::npos ? std::string() : reply.substr(body + 4);
}

std::string Engine::value(std::string_view command) {
    const std::string body = run(command);
    const nlohmann::json reply = nlohmann::json::parse(body);
    if (!reply.at("error").is_null() || reply.at("json values").empty())
        throw std::runtime_error(std::string(command) + ": " + body);
    return reply.at("json values").at(0);
}

void Engine::write_stdin(std::string_view text) const {
    sandbox::write_all(input_.get(), text, "stdin");
}

void Engine::send_signal(int signal) const {
    ::kill(pid_, signal);
}
