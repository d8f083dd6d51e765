#pragma once

#include "sandbox/base/error.hpp"

#include <functional>
#include <utility>

namespace sandbox::api {

/// Whether the client of a request is still there, and still allowed what it asked for, while its answer is
/// being made. One that closes its sending side after the request still waits for the answer; under TLS, or
/// in HTTP/1.0 over TCP, it counts as gone, as it looks the same there.
class Client {
  public:
    /// `watch` begins to look after the connection; only requests that care cost that.
    explicit Client(std::function<void()> watch) : watch_(std::move(watch)) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Calls `then` once if the client goes before the answer is made.
    void on_gone(std::function<void()> then) {
        then_ = std::move(then);
        if (watch_)
            std::exchange(watch_, nullptr)();
    }

    // The connection's side.
    void gone() {
        is_gone_ = true;
        if (then_)
            std::exchange(then_, nullptr)();
    }
    void answered() {
        then_ = nullptr;
        watch_ = nullptr;
        answered_ = true;
    }
    bool is_answered() const { return answered_; }

    /// As far as it was looked at.
    bool is_gone() const { return is_gone_; }

    /// Its credentials may be revoked, or expire, while the answer is being made.
    void allow_while(std::function<bool()> is_allowed) { is_allowed_ = std::move(is_allowed); }
    bool is_allowed() const { return !is_allowed_ || is_allowed_(); }
    /// Throws Error unauthenticated.
    void check_allowed() const {
        if (!is_allowed())
            throw_not_allowed();
    }
    [[noreturn]] static void throw_not_allowed() {
        throw Error(Errc::unauthenticated, "the credentials do not hold any more", "Get new ones.");
    }

  private:
    std::function<void()> watch_, then_;
    std::function<bool()> is_allowed_;
    bool answered_ = false, is_gone_ = false;
};

} // namespace sandbox::api
