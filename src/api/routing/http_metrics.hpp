#pragma once

#include "api/http/message.hpp"
#include "sandbox/base/metric.hpp"

#include <chrono>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace sandbox::api {

/// How long requests took, by the pattern of their route. Nothing that a caller makes up becomes a label: a
/// path without a route is `unmatched`, a method that nobody uses `other`.
class HttpMetrics {
  public:
    HttpMetrics();

    void observe(const std::string& route, const std::string& method, unsigned code,
                 std::chrono::steady_clock::duration taken);
    /// Waits for the answer and counts it, also when it is an error. Of a stream, its beginning.
    boost::asio::awaitable<Response> timed(std::string route, std::string method,
                                           boost::asio::awaitable<Response> answer);

    metric::Family family() const;

  private:
    metric::Histograms durations_;
};

} // namespace sandbox::api
