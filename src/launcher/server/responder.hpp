#pragma once

#include "sandbox/base/error.hpp"
#include "sandbox/protocol/message.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace sandbox::launcher {

/// The one answer to a request. Where nobody gives it, because what was to give it has gone, its end is a
/// Failure with code gone: no caller waits for nothing.
class Responder {
  public:
    using Send = std::function<void(protocol::Reply reply, const std::vector<int>& descriptors)>;

    Responder() = default; ///< owes nothing
    explicit Responder(Send send) : send_(std::move(send)) {}
    Responder(Responder&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
    Responder& operator=(Responder&& other) noexcept {
        std::swap(send_, other.send_);
        return *this;
    }
    ~Responder() {
        if (send_)
            send_(protocol::Failure{Errc::gone, "the launcher has given this request up", {}, {}}, {});
    }

    /// Sends the answer; after the first it does nothing.
    void operator()(protocol::Reply reply, const std::vector<int>& descriptors) {
        if (const Send send = std::exchange(send_, nullptr))
            send(std::move(reply), descriptors);
    }
    /// Returns whether the answer is still owed.
    explicit operator bool() const { return send_ != nullptr; }

  private:
    Send send_;
};

} // namespace sandbox::launcher
