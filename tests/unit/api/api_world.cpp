#include "api_world.hpp"

#include "sandbox/base/id.hpp"

#include <array>
#include <cstring>
#include <fstream>

#include <sys/socket.h>
#include <sys/un.h>

namespace sandbox::test {
namespace {

void add_tokens(policy::Site& site, manager::Tuning&) {
    site.admin_token_hashes = {sha256_hex("admin-token")};
    for (const std::string tenant : {"acme", "globex", "tiny"})
        std::ofstream(site.tenants_dir + "/" + tenant + ".toml", std::ios::app)
            << "token_hashes = [\"" << sha256_hex(tenant + "-token") << "\"]\n";
}

template <typename Address>
void connect_to(const UniqueFd& socket, const Address& address) {
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw_errno("connect");
}

std::string request_text(const std::string& method, const std::string& target,
                         const std::string& authorization, const std::string& body,
                         const std::string& headers) {
    return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
           (authorization.empty() ? "" : "Authorization: " + authorization + "\r\n") + headers +
           (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
}

} // namespace

ApiWorld::ApiWorld(const std::function<void(policy::Site&, manager::Tuning&)>& change)
    : world([&](policy::Site& site, manager::Tuning& tuning) {
          add_tokens(site, tuning);
          if (change)
              change(site, tuning);
      }),
      server(world.io, world.manager(), "1.2.3"),
      path_((world.dir.path / "api-test.sock").string()) {
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<char*>(address.sun_path), path_.c_str(), path_.size() + 1);
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), 16) != 0)
        throw_errno("listen");
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(listener));
    server.serve(std::move(listeners));
}

Answer ApiWorld::ask(const std::string& method, const std::string& target, const std::string& token,
                     const std::string& body, const std::string& headers) {
    return finish(begin(method, target, token, body, headers));
}

UniqueFd ApiWorld::begin(const std::string& method, const std::string& target, const std::string& token,
                         const std::string& body, const std::string& headers) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<char*>(address.sun_path), path_.c_str(), path_.size() + 1);
    connect_to(socket, address);
    const std::string authorization = token.empty() ? "" : "Bearer " + token;
    const std::string request = request_text(method, target, authorization, body, headers);
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        throw_errno("send");
    return socket;
}

Answer ApiWorld::finish(UniqueFd socket) {
    std::string received;
    bool closed = false;
    world.until(
        [&] {
            std::array<char, 65536> buffer{};
            ssize_t got = 0;
            while ((got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
                received.append(buffer.data(), static_cast<std::size_t>(got));
            closed = got == 0;
            return closed;
        },
        "an answer comes to its end");
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string::npos)
        throw std::runtime_error("no answer: " + received);
    return {.status = std::stoi(received.substr(9, 3)),
            .head = received.substr(0, end + 2),
            .body = received.substr(end + 4)};
}

} // namespace sandbox::test
