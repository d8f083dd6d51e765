#include "standin/session/fault_injection.hpp"

#include <chrono>
#include <cstdint>
#include <thread>

namespace standin {
namespace {

constexpr std::uint64_t kHuge = std::uint64_t{4} << 30;

std::string head_with_length(std::uint64_t length) {
    return http::head(200, "OK") +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

void send_zeros(http::Connection& connection, std::uint64_t bytes) {
    const std::string block(65536, '0');
    for (; bytes != 0; bytes -= std::min<std::uint64_t>(bytes, block.size()))
        connection.send(std::string_view(block).substr(0, bytes));
}

} // namespace

void send_broken(http::Connection& connection, Sabotage kind, const std::string& head,
                 const std::string& body) {
    switch (kind) {
    case Sabotage::off:
        return connection.send(head + body);
    case Sabotage::none:
        return;
    case Sabotage::notjson: {
        const std::string text = "<html>\x1b[31m not JSON \xff</html>";
        return connection.send(head_with_length(text.size()) + text);
    }
    case Sabotage::wronglength:
        return connection.send(head_with_length(body.size() + 1000) + body);
    case Sabotage::endless:
        connection.send(http::head(200, "OK") + "Content-Type: application/json\r\n\r\n{\"json values\": [");
        return send_zeros(connection, UINT64_MAX);
    case Sabotage::huge:
        connection.send(head_with_length(kHuge));
        return send_zeros(connection, kHuge);
    case Sabotage::half:
        return connection.send(head + body.substr(0, body.size() / 2));
    case Sabotage::slow:
        for (const char c : head + body) {
            connection.send(std::string(1, c));
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
        return;
    }
}

} // namespace standin
