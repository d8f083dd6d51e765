#include "api/routing/http_metrics.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

constexpr std::array<double, 10> kBounds{0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600};
constexpr std::array<std::string_view, 7> kMethods{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};

} // namespace

HttpMetrics::HttpMetrics() : durations_({"route", "method", "code"}, metric::Histogram(kBounds)) {}

void HttpMetrics::observe(const std::string& route, const std::string& method, unsigned code,
                          std::chrono::steady_clock::duration taken) {
    const bool known = std::ranges::find(kMethods, method) != kMethods.end();
    durations_.at({route.empty() ? "unmatched" : route, known ? method : "other", std::to_string(code)})
        .observe(std::chrono::duration<double>(taken).count());
}

asio::awaitable<Response> HttpMetrics::timed(std::string route, std::string method,
                                             asio::awaitable<Response> answer) {
    const auto started = std::chrono::steady_clock::now();
    const auto count = [&](unsigned code) {
        observe(route, method, code, std::chrono::steady_clock::now() - started);
    };
    try {
        Response response = co_await std::move(answer);
        count(response.status);
        co_return response;
    } catch (const Error& error) {
        count(static_cast<unsigned>(errc_info(error.code()).http_status));
        throw;
    } catch (...) {
        count(500);
        throw;
    }
}

metric::Family HttpMetrics::family() const {
    return {"sandboxd_http_request_duration_seconds", metric::Kind::histogram,
            "Time from a request's body to its answer, by route.", durations_.points()};
}

} // namespace sandbox::api
