#include "manager/engine/autosave.hpp"

#include "manager/engine/exchange.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// In turns, so that a save that does not come to its end leaves the one before.
constexpr std::array<const char*, 2> kFiles{"/work/.autosave-0.cxs", "/work/.autosave-1.cxs"};
/// What ChimeraX says is the tenant's, and is kept.
constexpr std::size_t kMostOfMessage = 300;
/// Where a look at its health or a freeze has the engine's turn.
constexpr Duration kNextTry = std::chrono::seconds(1);

std::string failure_of(const chimerax::CommandResult& result) {
    std::string text = "it does not say why";
    if (result.error)
        text = result.error->message;
    else if (!result.error_log.empty())
        text = result.error_log.front();
    else if (!result.bug.empty())
        text = result.bug.front();
    return text.substr(0, kMostOfMessage);
}

struct Outcome {
    bool answered = false; ///< else ChimeraX may be about to end over it
    std::string failure;   ///< empty: it succeeded
};

asio::awaitable<Outcome> try_command(ContextPtr context, SessionPtr session, std::string command) {
    try {
        const chimerax::CommandResult result =
            co_await run_internal_command(context, session, std::move(command));
        co_return Outcome{true, result.ok() ? std::string() : failure_of(result)};
    } catch (const Error& error) {
        co_return Outcome{false, std::string(error.what()).substr(0, kMostOfMessage)};
    }
}

asio::awaitable<void> save(ContextPtr context, SessionPtr session) {
    if (!session->facts.autosave)
        session->facts.autosave = SessionView::Autosave{};
    const std::string file = session->facts.autosave->file == kFiles[0] ? kFiles[1] : kFiles[0];
    const Outcome outcome = co_await try_command(context, session, "save " + file);
    SessionView::Autosave& autosave = *session->facts.autosave;
    std::string failure = outcome.failure.empty() ? "" : "saving: " + outcome.failure;
    if (failure.empty()) {
        session->unsaved = false;
        autosave.last_at = std::chrono::system_clock::now();
        autosave.file = file;
        autosave.opening = false; // what could not be opened is not the last any more
    } else if (failure != autosave.failure) {
        log::warning({session->id(), session->facts.tenant},
                     "session " + session->id() + ": the autosave failed: " + outcome.failure);
    }
    autosave.failure = std::move(failure);
    if (!session->must_end()) // else its record is about to be written anyway
        persist(*context, *session);
}

bool goes_on(const Context& context, const Session& session) {
    return !context.shutting_down && !session.intent() && session.state() != State::ended &&
           (!session.must_end() || session.state() == State::recovering);
}

} // namespace

asio::awaitable<void> watch_autosave(ContextPtr context, SessionPtr session) {
    const std::optional<Duration> every = session->policy.recovery.autosave_every;
    if (!every || session->kind() != Kind::tenant)
        co_return;
    SteadyTime next = std::chrono::steady_clock::now() + *every;
    while (goes_on(*context, *session)) {
        SteadyTime look = SteadyTime::max(); // when its state changes
        if (std::chrono::steady_clock::now() < next) {
            look = next;
        } else if (session->state() == State::ready && session->unsaved) {
            const async::FairSemaphore::Permit turn = session->turns.try_enter();
            if (turn) {
                co_await save(context, session);
                next = std::chrono::steady_clock::now() + *every;
                continue;
            }
            look = std::chrono::steady_clock::now() + kNextTry;
        }
        co_await session->changed.wait_until(look);
    }
}

void owe_autosave(Session& session) {
    if (!session.facts.autosave || !session.facts.autosave->last_at)
        return;
    SessionView::Autosave& autosave = *session.facts.autosave;
    autosave.restored_at.reset();
    autosave.owed_to = autosave.opening ? 0 : session.engine_start();
    if (autosave.opening)
        autosave.failure = "opening: ChimeraX ended or hung over it, so it is not opened again";
}

asio::awaitable<void> open_autosave(ContextPtr context, SessionPtr session) {
    if (session->must_end() || !session->facts.autosave ||
        session->facts.autosave->owed_to != session->engine_start())
        co_return;
    session->unsaved = false; // what comes next is saved already, or nothing that should replace it
    session->facts.autosave->opening = true;
    persist(*context, *session);
    co_await flush(context); // whatever this does to ChimeraX and to this process, it is not done for ever
    const Outcome outcome = co_await try_command(context, session, "open " + session->facts.autosave->file);
    if (session->must_end())
        co_return;
    SessionView::Autosave& autosave = *session->facts.autosave;
    autosave.opening = !outcome.answered;
    autosave.owed_to = 0;
    if (outcome.failure.empty()) {
        autosave.restored_at = std::chrono::system_clock::now();
        autosave.failure.clear();
        log::info({session->id(), session->facts.tenant},
                  "session " + session->id() + ": the autosave " + autosave.file + " is open again");
    } else {
        autosave.failure = "opening: " + outcome.failure;
        log::warning({session->id(), session->facts.tenant},
                     "session " + session->id() + ": its autosave was not opened: " + outcome.failure);
    }
}

} // namespace sandbox::manager
