#include "ctl/jobs/live_log.hpp"

#include "ctl/format/json_text.hpp"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>

namespace sandbox::ctl {
namespace {

constexpr auto kBeginTime = std::chrono::seconds(10);
constexpr int kPauseMs = 300;
constexpr auto kStartLinesTime = std::chrono::seconds(2);
constexpr auto kStartLinesPause = std::chrono::milliseconds(30);
constexpr std::string_view kStarted = "REST server started on host"; // ChimeraX's own words

/// ChimeraX answers requests before sandbox-init has written down what it printed while it started: on a busy
/// host that would come as if the first command had printed it. No event tells when all of it is there.
void wait_for_start_lines(const ApiClient& api, const std::string& session) {
    const std::string target = "/v1/sessions/" + session + "/logs?stream=stdout&tail=65536";
    const auto deadline = std::chrono::steady_clock::now() + kStartLinesTime;
    std::string before;
    while (std::chrono::steady_clock::now() < deadline) {
        std::string now = api.get_text(target);
        if (now == before && now.find(kStarted) != std::string::npos)
            return;
        before = std::move(now);
        std::this_thread::sleep_for(kStartLinesPause);
    }
}

} // namespace

LiveLog::LiveLog(ApiClient api, std::string session, Take take)
    : api_(std::move(api)),
      session_(std::move(session)),
      take_(std::move(take)) {
    try {
        wait_for_start_lines(api_, session_);
    } catch (const Error&) { // the commands tell of it
    }
    threads_[0] = std::thread([this] { follow(Stream::out); });
    threads_[1] = std::thread([this] { follow(Stream::err); });
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kBeginTime, [this] { return begun_ >= threads_.size(); });
}

LiveLog::~LiveLog() {
    enough_.ring();
    for (std::thread& thread : threads_)
        thread.join();
}

void LiveLog::finish(Duration patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return over_ == threads_.size(); }))
        broken_ = true;
}

void LiveLog::note(unsigned& count) {
    const std::lock_guard lock(mutex_);
    ++count;
    changed_.notify_all();
}

void LiveLog::follow(Stream stream) {
    try {
        while (follow_once(stream)) {
            // The manager has gone, or handed over: what is written until the next one is asked is not seen.
            broken_ = true;
            pollfd wait{enough_.fd(), POLLIN, 0};
            if (::poll(&wait, 1, kPauseMs) != 0)
                break;
        }
    } catch (...) { // whatever it is, the commands tell of it
        broken_ = true;
    }
    note(begun_);
    note(over_);
}

bool LiveLog::follow_once(Stream stream) {
    const std::string name = stream == Stream::out ? "stdout" : "stderr";
    HttpRequest request{.method = "GET",
                        .target = "/v1/sessions/" + session_ + "/logs?stream=" + name + "&tail=0&follow=1",
                        .token = {},
                        .body = {}};
    request.until = enough_.fd();
    request.on_head = [this] { note(begun_); };
    request.on_piece = [this, stream](std::string_view piece) {
        const std::lock_guard lock(taking_);
        take_(stream, piece);
    };
    try {
        api_.call(request);
        return word(api_.get_session(session_), {"state"}) != "ended";
    } catch (const Error& error) {
        if (error.code() == Errc::gone || error.code() == Errc::not_found)
            return false;
        if (error.code() == Errc::unavailable || error.code() == Errc::timed_out)
            return true;
        throw;
    }
}

} // namespace sandbox::ctl
