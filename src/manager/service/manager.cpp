#include "sandbox/manager/manager.hpp"

#include "manager/accounting/metrics.hpp"
#include "manager/accounting/sampler.hpp"
#include "manager/accounting/usage_booking.hpp"
#include "manager/admission/drain.hpp"
#include "manager/admission/pressure_report.hpp"
#include "manager/admission/reload.hpp"
#include "manager/audit/command_redaction.hpp"
#include "manager/engine/commands.hpp"
#include "manager/engine/engine_request.hpp"
#include "manager/engine/freeze.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/lifecycle/adopt.hpp"
#include "manager/lifecycle/garbage_collect.hpp"
#include "manager/logs/log_reader.hpp"
#include "manager/service/reader_jobs.hpp"
#include "manager/service/session_service.hpp"
#include "manager/service/token_service.hpp"
#include "manager/service/update_session.hpp"
#include "manager/service/version_probe.hpp"
#include "manager/service/workspace_files.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "manager/session/use.hpp"
#include "manager/session/view.hpp"
#include "manager/store/state_dir.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Throws Error gone for one that has ended.
SessionPtr live_of(const Context& context, const FoundSession& found) {
    return found.live ? found.live : context.registry.visible(found.id);
}

asio::awaitable<chimerax::RestReply> rest_of(ContextPtr context, FoundSession found,
                                             chimerax::RestRequest request, Duration timeout) {
    const SessionPtr session = live_of(*context, found);
    co_return co_await send_request(context, session, std::move(request), timeout);
}

asio::awaitable<CommandsRun> run_of(ContextPtr context, FoundSession found, CommandList list) {
    const SessionPtr session = live_of(*context, found);
    co_return co_await run_commands(context, session, std::move(list));
}

asio::awaitable<SessionView> freeze_by_id(ContextPtr context, std::string id, bool frozen) {
    co_return co_await freeze_on_request(context, context->registry.visible(id), frozen);
}

asio::awaitable<void> wait_for_events(ContextPtr context, SteadyTime deadline) {
    if (!context->leaving)
        co_await context->events.changed.wait_until(deadline);
}

asio::awaitable<void> wait_until_leaving(ContextPtr context) {
    while (!context->leaving)
        co_await context->events.changed.wait();
}

asio::awaitable<void> until_stored(ContextPtr context) {
    co_await flush(context);
}

asio::awaitable<void> until_noted(ContextPtr context) {
    co_await context->store.noted();
}

} // namespace

struct Manager::Impl {
    explicit Impl(ContextPtr its_core) : context(std::move(its_core)) {}
    ContextPtr context;
    asio::thread_pool reader{1};
};

Manager::Manager(asio::io_context& io, policy::Site site, const Tuning& tuning)
    : impl_(std::make_unique<Impl>(std::make_shared<Context>(io, std::move(site), tuning))) {
    const std::weak_ptr<Context> weak = impl_->context;
    impl_->context->on_serving = [weak](const SessionPtr& session) {
        if (const ContextPtr context = weak.lock())
            probe_engine(context, session);
    };
    adopt(impl_->context);
    asio::co_spawn(io, sample_forever(weak), asio::detached);
    impl_->context->launcher->start([weak] {
        if (const ContextPtr context = weak.lock())
            asio::co_spawn(context->io, sweep(context), asio::detached);
    });
}

Manager::~Manager() {
    impl_->context->launcher->stop();
    impl_->context->shutting_down = true; // whatever still runs on the loop begins nothing
    impl_->context->reclaimer.close();
    impl_->context->kept_logs->close();
    impl_->context->store.close();
}

asio::awaitable<Created> Manager::create(CreateRequest request) {
    return create_session(impl_->context, std::move(request));
}

std::optional<FoundSession> Manager::find(const std::string& id) const {
    if (const SessionView* ended = impl_->context->registry.ended(id))
        return FoundSession{ended->id, ended->tenant, nullptr};
    const SessionPtr session = impl_->context->registry.live(id);
    if (!session || session->kind() != Kind::tenant)
        return std::nullopt;
    return FoundSession{id, session->facts.tenant, session};
}

SessionView Manager::get(const std::string& id) const {
    if (const SessionView* ended = impl_->context->registry.ended(id))
        return view_of(*impl_->context, *ended);
    return view_of(*impl_->context, *impl_->context->registry.visible(id));
}

std::vector<SessionView> Manager::list() const {
    std::vector<SessionView> views;
    for (const SessionView* ended : impl_->context->registry.all_ended())
        views.push_back(view_of(*impl_->context, *ended));
    for (const auto& [number, session] : impl_->context->registry.all_live()) {
        if (session->kind() == Kind::tenant)
            views.push_back(view_of(*impl_->context, *session));
    }
    return views;
}

asio::awaitable<SessionView> Manager::wait(std::string id, std::vector<State> states, Duration timeout) {
    return wait_for(impl_->context, std::move(id), std::move(states), timeout);
}

void Manager::client_gone(const std::string& id) {
    const SessionPtr session = impl_->context->registry.live(id);
    if (session && session->state() == State::queued)
        end_on_request(*impl_->context, session, EndReason::cancelled,
                       "Its client went away while it was queued.");
}

PressureView Manager::pressure() const {
    return pressure_of(*impl_->context);
}

asio::awaitable<SessionView> Manager::remove(std::string id, std::optional<Duration> grace) {
    return remove_session(impl_->context, std::move(id), grace);
}

asio::awaitable<chimerax::RestReply> Manager::rest(FoundSession session, chimerax::RestRequest request,
                                                   Duration timeout) {
    return rest_of(impl_->context, std::move(session), std::move(request), timeout);
}

asio::awaitable<CommandsRun> Manager::run(FoundSession session, CommandList list) {
    return run_of(impl_->context, std::move(session), std::move(list));
}

SessionView Manager::touch(const std::string& id) {
    const SessionPtr session = impl_->context->registry.visible(id);
    if (session->facts.ready_at) {
        session->check_lives();
        session->note_activity();
    }
    return view_of(*impl_->context, *session);
}

asio::awaitable<SessionView> Manager::extend(std::string id, Duration by) {
    return extend_session(impl_->context, std::move(id), by);
}

Manager::Events Manager::events_since(std::uint64_t id) const {
    const EventLog& log = impl_->context->events;
    if (id == 0)
        return {{}, log.last_id(), true};
    return {log.since(id), log.last_id(), log.is_complete_since(id)};
}

asio::awaitable<void> Manager::events_changed(SteadyTime deadline) {
    return wait_for_events(impl_->context, deadline);
}

void Manager::audit(const AuditEntry& entry) {
    impl_->context->store.note(entry);
}

void Manager::put_commands(AuditEntry& entry, const FoundSession& session,
                           std::span<const std::string_view> commands) const {
    if (session.live)
        manager::put_commands(entry, session.live->policy.audit_commands, commands,
                              impl_->context->audit_key);
}

asio::awaitable<void> Manager::audited() {
    return until_noted(impl_->context);
}

AuditCounts Manager::audit_counts() const {
    return impl_->context->store.audit_counts();
}

Stats Manager::stats(const std::string& id, bool with_history) const {
    return stats_of(*impl_->context->registry.visible(id), impl_->context->tuning.usage_age, with_history);
}

std::vector<metric::Family> Manager::metrics() const {
    return metrics_of(*impl_->context);
}

asio::awaitable<SessionView> Manager::set_frozen(std::string id, bool frozen) {
    return freeze_by_id(impl_->context, std::move(id), frozen);
}

asio::awaitable<std::string> Manager::inspect(std::string id) {
    return inspect_session(impl_->context, std::move(id));
}

asio::awaitable<OpenedFile> Manager::open_file(const std::string& id, std::string path) {
    return manager::open_file(impl_->context, impl_->context->registry.visible(id), std::move(path));
}

asio::awaitable<OpenedFile> Manager::list_folder(const std::string& id, std::string path, std::string after) {
    return manager::list_folder(impl_->context, impl_->context->registry.visible(id), std::move(path),
                                std::move(after));
}

InUse Manager::use(const FoundSession& session) {
    return use_of(live_of(*impl_->context, session));
}

asio::awaitable<StoredFile> Manager::put_file(const std::string& id, NewFile file) {
    return manager::put_file(impl_->context, impl_->context->registry.visible(id), std::move(file));
}

asio::awaitable<void> Manager::remove_file(const std::string& id, std::string path,
                                           protocol::Preconditions only_if) {
    return manager::remove_file(impl_->context, impl_->context->registry.visible(id), std::move(path),
                                std::move(only_if));
}

asio::awaitable<SessionView> Manager::restart(const std::string& id) {
    return restart_on_request(impl_->context, impl_->context->registry.visible(id));
}

asio::awaitable<void> Manager::until_logged(const std::string& id) {
    return manager::until_logged(impl_->context, impl_->context->registry.visible(id));
}

asio::awaitable<SessionView> Manager::change(const std::string& id, SessionChange change) {
    return change_session(impl_->context, impl_->context->registry.visible(id), std::move(change));
}

asio::awaitable<AuditFound> Manager::search_audit(AuditQuery query) {
    return search_trail(impl_->context, std::move(query), impl_->reader);
}

Manager::OpenedLog Manager::open_log(const std::string& id, const std::string& stream,
                                     std::uint64_t tail) const {
    if (stream != "stdout" && stream != "stderr")
        throw Error(Errc::invalid_argument, "a stream is stdout or stderr", {}, "stream");
    const Context& context = *impl_->context;
    const auto log =
        context.registry.ended(id) != nullptr
            ? std::make_shared<LogReader>(context.kept_logs->open(id, stream), tail)
            : std::make_shared<LogReader>(context.registry.visible(id)->facts.log_dir, stream, tail);
    return {.next_piece = [log] { return log->next_piece(); },
            .read_new = [log] { return log->read_new(); },
            .is_cut = log->is_cut()};
}

bool Manager::token_matches(const std::string& id, const std::string& token) const {
    const std::string hash = impl_->context->registry.token_hash(id);
    return !hash.empty() && equal_constant_time(hash, sha256_hex(token));
}

std::optional<std::string> Manager::session_of_token(const std::string& token) const {
    return impl_->context->registry.id_of_token_hash(sha256_hex(token));
}

asio::awaitable<MadeToken> Manager::make_token(NewToken asked) {
    return manager::make_token(impl_->context, std::move(asked));
}

asio::awaitable<ApiToken> Manager::revoke_token(std::string id) {
    return manager::revoke_token(impl_->context, std::move(id));
}

std::optional<ApiToken> Manager::use_token(const std::string& secret) {
    return manager::use_token(*impl_->context, secret);
}

std::vector<ApiToken> Manager::tokens() const {
    return impl_->context->tokens.list();
}

std::vector<DayUsage> Manager::usage(const std::string& tenant, const std::string& since,
                                     const std::string& until) const {
    return usage_of(*impl_->context, tenant, since, until);
}

void Manager::drain(bool draining) {
    set_draining(*impl_->context, draining);
}

bool Manager::is_draining() const {
    return impl_->context->draining;
}

asio::awaitable<std::size_t> Manager::until_empty(Duration timeout) {
    return wait_until_empty(impl_->context, timeout);
}

asio::awaitable<Backup> Manager::backup() {
    return make_backup(impl_->context, impl_->reader);
}

asio::awaitable<Reloaded> Manager::reload() {
    return manager::reload(impl_->context);
}

std::uint64_t Manager::reloads() const {
    return impl_->context->reloads;
}

const policy::Site& Manager::site() const {
    return impl_->context->site;
}

std::vector<policy::Policy> Manager::policies() const {
    return impl_->context->catalog.policies();
}

std::vector<policy::Tenant> Manager::tenants() const {
    return impl_->context->catalog.tenants();
}

bool Manager::launcher_connected() const {
    return impl_->context->launcher->connected();
}

void Manager::on_reload(std::function<void()> handler) {
    impl_->context->on_reload = std::move(handler);
}

void Manager::on_published_connection(PublishedConnection handler) {
    impl_->context->on_published_connection = std::move(handler);
}

asio::awaitable<void> Manager::shutdown() {
    return end_all(impl_->context);
}

asio::awaitable<std::vector<Leftover>> Manager::collect_garbage(bool dry_run) {
    return manager::collect_garbage(impl_->context, dry_run);
}

void Manager::leave() {
    Context& context = *impl_->context;
    context.leaving = true;
    log::info("leaves its " + std::to_string(context.registry.all_live().size()) +
              " sessions to the next manager");
    for (const auto& [number, session] : context.registry.all_live())
        session->changed.notify();
    context.events.changed.notify();
}

bool Manager::is_leaving() const {
    return impl_->context->leaving;
}

asio::awaitable<void> Manager::until_leaving() {
    return wait_until_leaving(impl_->context);
}

asio::awaitable<void> Manager::written() {
    return until_stored(impl_->context);
}

} // namespace sandbox::manager
