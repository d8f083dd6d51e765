#include "manager/service/session_service.hpp"

#include "manager/admission/admit.hpp"
#include "manager/admission/retire.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/lifecycle/session_runner.hpp"
#include "manager/session/exit_records.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "manager/session/view.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kMaxGrace = std::chrono::minutes(5);

bool is_one_of(State state, const std::vector<State>& states) {
    if (std::ranges::find(states, state) != states.end())
        return true;
    // Who waits for `ready` must not miss it because the next request came at once.
    return state == State::busy && std::ranges::find(states, State::ready) != states.end();
}

/// A shorter grace for an end that is under way. Its answer goes to the first asker; what this one gets tells
/// nothing more.
asio::awaitable<void> hurry(ContextPtr context, SessionPtr session, Duration grace) {
    session->grace = grace;
    protocol::Request request(protocol::End{session->id(), static_cast<std::uint64_t>(grace.count())});
    try {
        co_await context->launcher->call(std::move(request), context->tuning.end_margin + 2 * grace);
    } catch (const Error& error) {
        log::info({session->id(), session->facts.tenant},
                  "session " + session->id() + " could not be hurried: " + error.what());
    }
}

} // namespace

void end_on_request(Context& context, const SessionPtr& session, EndReason reason,
                    const std::string& message) {
    if (!session->request_end(reason, message))
        return;
    if (session->state() == State::queued)
        retire(context, session, classify_end(session->intent()), message);
}

asio::awaitable<Created> create_session(ContextPtr context, CreateRequest request) {
    Created created = admit(*context, std::move(request));
    if (created.repeated) {
        co_await context->store.committed();
        co_return created;
    }
    const SessionPtr session = context->registry.live(created.session.id);
    // Before anybody hears of it: what a caller was told of outlives this process.
    try {
        co_await context->store.committed();
    } catch (const Error& error) {
        end_on_request(*context, session, EndReason::launch_failed, error.what());
        throw;
    }
    start_running(context, session, run_session(context, session));
    co_return created;
}

asio::awaitable<SessionView> wait_for(ContextPtr context, std::string id, std::vector<State> states,
                                      Duration timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    if (context->registry.ended(id) != nullptr)
        co_await flush(context); // what is told here outlives a reset of the host
    if (const SessionView* ended = context->registry.ended(id))
        co_return view_of(*context, *ended);
    const SessionPtr session = context->registry.visible(id);
    while (session->state() != State::ended && !is_one_of(session->state(), states)) {
        check_stays(*context);
        if (!co_await session->changed.wait_until(deadline)) {
            throw Error(Errc::timed_out,
                        "session " + id + " is still " + std::string(to_text(session->state())),
                        "Wait longer, or look at its log.");
        }
    }
    co_await flush(context);
    if (const SessionView* ended = context->registry.ended(id))
        co_return view_of(*context, *ended);
    co_return view_of(*context, *session);
}

asio::awaitable<SessionView> remove_session(ContextPtr context, std::string id,
                                            std::optional<Duration> grace) {
    if (context->registry.ended(id) != nullptr)
        co_await flush(context);
    if (const SessionView* ended = context->registry.ended(id))
        co_return view_of(*context, *ended);
    const SessionPtr session = context->registry.visible(id);
    if (grace) {
        const Duration asked = std::clamp(*grace, Duration::zero(), kMaxGrace);
        if (!session->must_end())
            session->grace = asked;
        else if (session->state() == State::ending && asked < session->grace)
            asio::co_spawn(context->io, hurry(context, session, asked), asio::detached);
    }
    if (session->state() == State::queued || session->state() == State::starting)
        end_on_request(*context, session, EndReason::cancelled, "It was deleted before it was ready.");
    else
        end_on_request(*context, session, EndReason::deleted, "It was deleted.");
    while (session->state() != State::ended && session->state() != State::stuck) {
        check_stays(*context);
        co_await session->changed.wait();
    }
    co_await flush(context);
    if (const SessionView* ended = context->registry.ended(id))
        co_return view_of(*context, *ended);
    co_return view_of(*context, *session);
}

asio::awaitable<SessionView> extend_session(ContextPtr context, std::string id, Duration by) {
    const SessionPtr session = context->registry.visible(id);
    co_await until_serving(context, session);
    session->extend(by);
    session->note_activity();
    session->changed.notify(); // its clocks are looked at again
    note_audit(*context, *session, "session.extend", format_duration(by), "");
    persist(*context, *session);
    co_await flush(context);
    co_return view_of(*context, *session);
}

asio::awaitable<std::string> inspect_session(ContextPtr context, std::string id) {
    const SessionPtr session = context->registry.visible(id);
    co_await until_made(context, session);
    protocol::Request request(protocol::Inspect{id});
    try {
        protocol::Inspected inspected = co_await ask<protocol::Inspected>(
            *context->launcher, std::move(request), context->tuning.answer_timeout);
        co_return std::move(inspected.json);
    } catch (const Error&) {
        session->check_lives(); // what is ending cannot be inspected, which is no fault of the launcher
        throw;
    }
}

asio::awaitable<void> end_all(ContextPtr context) {
    context->shutting_down = true;
    std::vector<SessionPtr> sessions;
    for (const auto& [number, session] : context->registry.all_live())
        sessions.push_back(session);
    Duration longest(0);
    for (const SessionPtr& session : sessions) {
        end_on_request(*context, session, EndReason::shutdown, "The manager was told to stop.");
        longest = std::max(longest, session->grace);
    }
    log::info("shutting down: ending " + std::to_string(sessions.size()) + " sessions");
    const SteadyTime deadline = std::chrono::steady_clock::now() + 2 * longest + context->tuning.end_margin;
    std::vector<std::string> ids;
    for (const SessionPtr& session : sessions) {
        ids.push_back(session->id());
        bool in_time = true;
        while (session->state() != State::ended && in_time)
            in_time = co_await session->changed.wait_until(deadline);
        if (session->state() != State::ended) {
            log::error({session->id(), session->facts.tenant},
                       "shutdown: session " + session->id() + " of " + session->facts.tenant + " is left, " +
                           std::string(to_text(session->state())) + "; the launcher removes it when it can");
        }
    }
    co_await forget_exit_records(context, std::move(ids));
    co_await flush(context);
    context->launcher->stop();
}

} // namespace sandbox::manager
