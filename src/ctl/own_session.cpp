#include "own_session.hpp"

#include "progress.hpp"
#include "session_text.hpp"
#include "words.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// For a place in the queue and the start.
constexpr Duration kStartTimeout = std::chrono::minutes(10);
constexpr Duration kEndTimeout = std::chrono::minutes(1);
constexpr Duration kGraceTimeout = std::chrono::minutes(12); ///< twice the longest grace, and the rest

} // namespace

OwnSession::OwnSession(const Context& context, const Json& wanted) : context_(context), api_(context.api()) {
    // Not to be broken off: its answer has the id.
    id_ = word(api_.post("/v1/sessions", wanted, kAnswerTimeout), {"id"});
}

OwnSession::~OwnSession() {
    if (ended_)
        return;
    try {
        const Progress progress(context_, "ending " + id_);
        api_.remove("/v1/sessions/" + id_ + "?grace_seconds=0", kEndTimeout);
    } catch (const Error& error) {
        if (error.code() != Errc::gone && error.code() != Errc::not_found)
            report(context_.terminal, error);
    }
}

void OwnSession::wait_until_ready(const ApiClient& api) const {
    const Progress progress(context_, "making a session");
    const Duration timeout = context_.globals.timeout.value_or(kStartTimeout);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
    const Json session =
        api.get("/v1/sessions/" + id_ + "/wait?state=ready%2Cended&timeout=" + std::to_string(seconds),
                timeout + kAnswerTimeout);
    if (word(session, {"state"}) != "ended")
        return;
    const std::string tail = word(session, {"end", "log_tail"});
    throw Error(Errc::conflict, "session " + state_words(session) + (tail == "-" ? "" : "\n" + tail));
}

std::optional<Json> OwnSession::ended_by_itself(const ApiClient& api, Duration patience) const {
    const std::string seconds = std::to_string(std::chrono::ceil<std::chrono::seconds>(patience).count());
    try {
        if (patience > Duration::zero())
            api.get("/v1/sessions/" + id_ + "/wait?state=ended&timeout=" + seconds,
                    patience + kAnswerTimeout);
    } catch (const Error& error) {
        if (error.code() != Errc::gone && error.code() != Errc::timed_out)
            throw;
    }
    Json session = api.get_session(id_);
    if (word(session, {"state"}) != "ended")
        return std::nullopt;
    return session;
}

Json OwnSession::end(std::optional<Duration> grace) {
    std::string target = "/v1/sessions/" + id_;
    if (grace)
        target += "?grace_seconds=" + std::to_string(std::chrono::ceil<std::chrono::seconds>(*grace).count());
    try {
        if (!ended_)
            api_.remove(target, kGraceTimeout);
    } catch (const Error& error) {
        if (error.code() != Errc::gone)
            throw;
    }
    ended_ = true;
    return api_.get_session(id_);
}

} // namespace sandbox::ctl
