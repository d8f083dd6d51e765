#include "ctl/jobs/scoped_session.hpp"

#include "ctl/context/progress.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/views/session_text.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// For a place in the queue and the start.
constexpr Duration kStartTimeout = std::chrono::minutes(10);
constexpr std::chrono::seconds kEndTimeout = std::chrono::minutes(1);
/// ChimeraX that is told to exit goes a second after it has closed the connection.
constexpr std::chrono::seconds kSeenTimeout(10);
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

std::optional<Json> OwnSession::ended_by_itself(const ApiClient& api) const {
    const auto wait = [&](const std::string& states, std::chrono::seconds time) {
        try {
            api.get("/v1/sessions/" + id_ + "/wait?state=" + states +
                        "&timeout=" + std::to_string(time.count()),
                    time + kAnswerTimeout);
        } catch (const Error& error) {
            if (error.code() != Errc::gone && error.code() != Errc::timed_out)
                throw;
        }
        return api.get_session(id_);
    };
    Json session = wait("ending%2Cended", kSeenTimeout);
    if (word(session, {"state"}) == "ending")
        session = wait("ended", kEndTimeout);
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
