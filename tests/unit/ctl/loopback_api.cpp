#include "loopback_api.hpp"

#include "ctl/cli/cli.hpp"
#include "sandbox/base/error.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>

namespace sandbox::test {
namespace {

/// Up to the end of the head, and of the body that Content-Length announces.
std::string read_request(int connection) {
    std::string text;
    std::array<char, 4096> part{};
    while (true) {
        const ssize_t count = ::read(connection, part.data(), part.size());
        if (count <= 0)
            return text;
        text.append(part.data(), static_cast<std::size_t>(count));
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string::npos)
            continue;
        const std::size_t length = text.find("Content-Length: ");
        const std::size_t body = length < end ? std::stoul(text.substr(length + 16)) : 0;
        if (text.size() >= end + 4 + body)
            return text;
    }
}

/// As much as the client takes: one that was interrupted is gone, which is no failure of the server.
void send(int connection, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

} // namespace

LoopbackApi::LoopbackApi(Answer answer, Afterwards afterwards)
    : answer_(std::move(answer)),
      afterwards_(afterwards) {
    std::string name = (std::filesystem::temp_directory_path() / "ctl-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw_errno("mkdtemp");
    folder_ = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder_ / "api.sock").c_str(), sizeof address.sun_path - 1);
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 8) != 0)
        throw_errno("listen");
    thread_ = std::thread([this] { serve(); });
}

LoopbackApi::~LoopbackApi() {
    ::shutdown(listener_.get(), SHUT_RDWR); // accept then fails
    thread_.join();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

ctl::Host LoopbackApi::host() const {
    return {(folder_ / "api.sock").string(), "", 0};
}

std::vector<std::string> LoopbackApi::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void LoopbackApi::serve() {
    while (true) {
        UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection)
            return;
        const std::string request = read_request(connection.get());
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
        }
        send(connection.get(), answer_(request));
        if (afterwards_ == Afterwards::hold)
            held_.push_back(std::move(connection));
    }
}

Ran run(const LoopbackApi& api, std::vector<std::string> arguments, bool is_terminal) {
    std::ostringstream out, err;
    arguments.insert(arguments.begin(), {"--host", api.address()});
    const int status = ctl::run(arguments, {.out = out, .err = err, .is_terminal = is_terminal});
    return {status, out.str(), err.str()};
}

std::string json_answer(unsigned status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

} // namespace sandbox::test
