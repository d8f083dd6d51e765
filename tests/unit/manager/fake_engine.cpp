#include "fake_engine.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace sandbox::test {
namespace {

using StatePtr = std::shared_ptr<FakeEngine::State>;
constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

asio::awaitable<std::string> answer_run(StatePtr state, std::string target) {
    state->ran.push_back(target);
    state->most_inside = std::max(state->most_inside, ++state->inside);
    state->changed.notify();
    while (state->holds && state->let_out == 0)
        co_await state->changed.wait();
    if (state->holds)
        --state->let_out;
    --state->inside;
    state->changed.notify();
    for (const auto& [part, answer] : state->answers)
        if (target.find(part) != std::string::npos)
            co_return answer;
    if (!state->fails_on.empty() && target.find(state->fails_on) != std::string::npos) {
        co_return R"({"json values": [], "python values": [], "log messages": {"note": [], "warning": [],
            "error": [], "bug": []}, "error": {"type": "UserError", "message": "No room"}})";
    }
    co_return R"({"json values": [null], "python values": [null], "log messages": {"note": [")" +
        state->note + R"("], "warning": [], "error": [], "bug": []}, "error": null})";
}

asio::awaitable<void> serve(StatePtr state, std::shared_ptr<tcp::socket> connection) {
    std::string input;
    const auto [error, length] =
        co_await asio::async_read_until(*connection, asio::dynamic_buffer(input), "\r\n\r\n", kResult);
    if (error || !state->serves)
        co_return;
    const auto begin = input.find(' ') + 1;
    const std::string target = input.substr(begin, input.find(' ', begin) - begin);
    while (state->blocks && state->holds && state->inside > 0 && !target.starts_with("/run"))
        co_await state->changed.wait();
    std::string body = "<html>";
    if (target.starts_with("/run"))
        body = co_await answer_run(state, target);
    const std::string reply = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
    co_await asio::async_write(*connection, asio::buffer(reply), kResult);
}

asio::awaitable<void> accept(StatePtr state) {
    while (state->acceptor.is_open()) {
        auto [error, connection] = co_await state->acceptor.async_accept(kResult);
        if (error)
            co_return;
        auto shared = std::make_shared<tcp::socket>(std::move(connection));
        state->open.push_back(shared);
        asio::co_spawn(shared->get_executor(), serve(state, shared), asio::detached);
    }
}

} // namespace

FakeEngine::FakeEngine(asio::io_context& io) : state_(std::make_shared<State>(io)) {
    listen();
}

void FakeEngine::listen() {
    state_->acceptor.open(tcp::v4());
    state_->acceptor.set_option(tcp::acceptor::reuse_address(true));
    state_->acceptor.bind({asio::ip::address_v4::loopback(), port_});
    state_->acceptor.listen();
    port_ = state_->acceptor.local_endpoint().port();
    asio::co_spawn(state_->acceptor.get_executor(), accept(state_), asio::detached);
}

void FakeEngine::live_again() {
    die();
    state_->serves = true;
    listen();
}

FakeEngine::~FakeEngine() {
    die();
}

std::uint16_t FakeEngine::port() const {
    return port_;
}

void FakeEngine::die() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    for (const auto& weak : state_->open) {
        if (const auto connection = weak.lock())
            connection->close(ignored);
    }
    state_->holds = false;
    state_->changed.notify();
}

void FakeEngine::let_one_out() {
    ++state_->let_out;
    state_->changed.notify();
}

} // namespace sandbox::test
