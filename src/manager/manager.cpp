#include "sandbox/manager/manager.hpp"

#include "core.hpp"
#include "log_reader.hpp"
#include "sandbox/base/id.hpp"
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

asio::awaitable<Created> create_session(CorePtr core, CreateRequest request) {
    Created created = admit(*core, std::move(request));
    start_running(core, core->registry.live(created.session.id));
    co_return created;
}

asio::awaitable<SessionView> wait_for(CorePtr core, std::string id, std::vector<State> states,
                                      Duration timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    if (const SessionView* ended = core->registry.ended(id))
        co_return *ended;
    const SessionPtr session = core->registry.visible(id);
    while (session->state() != State::ended && !is_one_of(session->state(), states)) {
        if (!co_await session->changed.wait_until(deadline)) {
            throw Error(Errc::timed_out,
                        "session " + id + " is still " + std::string(to_text(session->state())),
                        "Wait longer, or look at its log.");
        }
    }
    if (const SessionView* ended = core->registry.ended(id))
        co_return *ended;
    co_return view_of(*core, *session);
}

/// Of a session in the queue nothing has been made: it ends here and now.
void wish_end(Core& core, const SessionPtr& session, EndReason reason, const std::string& message) {
    if (!session->want_end(reason, message))
        return;
    if (session->state() == State::queued)
        finish(core, session, judge(session->intent(), {}, {}), message);
}

/// A shorter grace for an end that is under way. Its answer goes to the first asker; what this one gets tells
/// nothing more.
asio::awaitable<void> hurry(CorePtr core, SessionPtr session, Duration grace) {
    session->grace = grace;
    protocol::Request request(protocol::End{session->id(), static_cast<std::uint64_t>(grace.count())});
    try {
        co_await core->launcher->call(std::move(request), core->tuning.end_margin + 2 * grace);
    } catch (const Error& error) {
        log::info("session " + session->id() + " could not be hurried: " + error.what());
    }
}

asio::awaitable<SessionView> remove_session(CorePtr core, std::string id, std::optional<Duration> grace) {
    if (const SessionView* ended = core->registry.ended(id))
        co_return *ended;
    const SessionPtr session = core->registry.visible(id);
    if (grace) {
        const Duration asked = std::clamp(*grace, Duration::zero(), kMaxGrace);
        if (!session->must_end())
            session->grace = asked;
        else if (session->state() == State::ending && asked < session->grace)
            asio::co_spawn(core->io, hurry(core, session, asked), asio::detached);
    }
    if (session->serves())
        wish_end(*core, session, EndReason::deleted, "It was deleted.");
    else
        wish_end(*core, session, EndReason::cancelled, "It was deleted before it was ready.");
    while (session->state() != State::ended && session->state() != State::stuck)
        co_await session->changed.wait();
    if (const SessionView* ended = core->registry.ended(id))
        co_return *ended;
    co_return view_of(*core, *session);
}

asio::awaitable<chimerax::RestReply> rest_by_id(CorePtr core, std::string id, chimerax::RestRequest request,
                                                Duration timeout) {
    co_return co_await rest(core, core->registry.visible(id), std::move(request), timeout);
}

asio::awaitable<std::string> inspect_session(CorePtr core, std::string id) {
    const SessionPtr session = core->registry.visible(id);
    if (session->state() == State::queued || session->state() == State::starting) {
        throw Error(Errc::conflict, "session " + id + " is " + std::string(to_text(session->state())),
                    "Wait until it is ready.", "state");
    }
    protocol::Request request(protocol::Inspect{id});
    const protocol::Inspected inspected =
        co_await ask<protocol::Inspected>(*core->launcher, std::move(request), core->tuning.answer_timeout);
    co_return inspected.json;
}

asio::awaitable<OpenedFile> open_file_by_id(CorePtr core, std::string id, std::string path) {
    co_return co_await open_file(core, core->registry.visible(id), std::move(path));
}

} // namespace

asio::awaitable<OpenedFile> open_file(CorePtr core, SessionPtr session, std::string path) {
    protocol::Request request(protocol::OpenFile{session->id(), std::move(path)});
    LauncherAnswer answer = co_await core->launcher->call(std::move(request), core->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    const auto* opened = std::get_if<protocol::Opened>(&answer.reply);
    if (opened == nullptr || answer.descriptors.size() != 1)
        throw Error(Errc::internal, "the launcher's answer to the opening of a file is not one");
    co_return OpenedFile{std::move(answer.descriptors[0]), opened->size};
}

namespace {

asio::awaitable<void> end_all(CorePtr core) {
    core->shutting_down = true;
    std::vector<SessionPtr> sessions;
    for (const auto& [number, session] : core->registry.all_live())
        sessions.push_back(session);
    Duration longest(0);
    for (const SessionPtr& session : sessions) {
        wish_end(*core, session, EndReason::shutdown, "The manager was told to stop.");
        longest = std::max(longest, session->grace);
    }
    log::info("shutting down: ending " + std::to_string(sessions.size()) + " sessions");
    const SteadyTime deadline = std::chrono::steady_clock::now() + 2 * longest + core->tuning.end_margin;
    for (const SessionPtr& session : sessions) {
        bool in_time = true;
        while (session->state() != State::ended && in_time)
            in_time = co_await session->changed.wait_until(deadline);
        if (session->state() != State::ended) {
            log::error("shutdown: session " + session->id() + " of " + session->facts.tenant + " is left, " +
                       std::string(to_text(session->state())) + "; the launcher removes it when it can");
        }
    }
    core->launcher->stop();
}

} // namespace

struct Manager::Impl {
    CorePtr core;
};

Manager::Manager(asio::io_context& io, policy::Site site, const Tuning& tuning)
    : impl_(std::make_unique<Impl>(Impl{std::make_shared<Core>(io, std::move(site), tuning)})) {
    const std::weak_ptr<Core> weak = impl_->core;
    impl_->core->launcher->start([weak] {
        if (const CorePtr core = weak.lock())
            asio::co_spawn(core->io, sweep(core), asio::detached);
    });
}

Manager::~Manager() {
    impl_->core->launcher->stop();
}

asio::awaitable<Created> Manager::create(CreateRequest request) {
    return create_session(impl_->core, std::move(request));
}

SessionView Manager::get(const std::string& id) const {
    if (const SessionView* ended = impl_->core->registry.ended(id))
        return *ended;
    return view_of(*impl_->core, *impl_->core->registry.visible(id));
}

std::vector<SessionView> Manager::list() const {
    std::vector<SessionView> views;
    for (const SessionView* ended : impl_->core->registry.all_ended())
        views.push_back(*ended);
    for (const auto& [number, session] : impl_->core->registry.all_live()) {
        if (session->kind() == Kind::tenant)
            views.push_back(view_of(*impl_->core, *session));
    }
    return views;
}

asio::awaitable<SessionView> Manager::wait(std::string id, std::vector<State> states, Duration timeout) {
    return wait_for(impl_->core, std::move(id), std::move(states), timeout);
}

asio::awaitable<SessionView> Manager::remove(std::string id, std::optional<Duration> grace) {
    return remove_session(impl_->core, std::move(id), grace);
}

asio::awaitable<chimerax::RestReply> Manager::rest(std::string id, chimerax::RestRequest request,
                                                   Duration timeout) {
    return rest_by_id(impl_->core, std::move(id), std::move(request), timeout);
}

asio::awaitable<std::string> Manager::inspect(std::string id) {
    return inspect_session(impl_->core, std::move(id));
}

asio::awaitable<OpenedFile> Manager::open_file(std::string id, std::string path) {
    return open_file_by_id(impl_->core, std::move(id), std::move(path));
}

std::string Manager::read_log(const std::string& id, const std::string& stream, std::size_t tail) const {
    if (stream != "stdout" && stream != "stderr")
        throw Error(Errc::invalid_argument, "a stream is stdout or stderr", {}, "stream");
    const SessionView* ended = impl_->core->registry.ended(id);
    const std::string log_dir =
        ended != nullptr ? ended->log_dir : impl_->core->registry.visible(id)->facts.log_dir;
    return log_dir.empty() ? std::string() : read_log_tail(log_dir, stream, tail);
}

bool Manager::token_matches(const std::string& id, const std::string& token) const {
    const std::string hash = impl_->core->registry.token_hash(id);
    return !hash.empty() && equal_constant_time(hash, sha256_hex(token));
}

std::optional<std::string> Manager::session_of_token(const std::string& token) const {
    return impl_->core->registry.id_of_token_hash(sha256_hex(token));
}

const policy::Site& Manager::site() const {
    return impl_->core->site;
}

std::vector<policy::Policy> Manager::policies() const {
    return impl_->core->catalog.policies();
}

std::vector<policy::Tenant> Manager::tenants() const {
    return impl_->core->catalog.tenants();
}

bool Manager::launcher_connected() const {
    return impl_->core->launcher->connected();
}

void Manager::on_published_connection(PublishedConnection handler) {
    impl_->core->on_published_connection = std::move(handler);
}

asio::awaitable<void> Manager::shutdown() {
    return end_all(impl_->core);
}

} // namespace sandbox::manager
