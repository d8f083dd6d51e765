#include "manager/service/version_probe.hpp"

#include "manager/accounting/registration.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/engine/engine_request.hpp"
#include "manager/lifecycle/session_runner.hpp"
#include "manager/service/workspace_files.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/chimerax/command_result.hpp"
#include "sandbox/chimerax/rest_client.hpp"

#include <array>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// A throw-away session under the built-in policy `probe`. Not in a tenant's own: what a tenant's engine
/// says of itself is the tenant's word. null: no place can be spared.
SessionPtr make_probe(Context& context, const Session& asker) {
    // The last one is for a tenant.
    if (context.admission.waiting.size() > 0 ||
        reserved_capacity(context).sessions() + 1 >= context.admission.limits.sessions)
        return nullptr;
    SessionView facts;
    facts.id = new_session_id();
    facts.tenant = kProbe;
    facts.policy = kProbe;
    facts.policy_digest = asker.facts.policy_digest;
    facts.created_at = std::chrono::system_clock::now();
    auto session = std::make_shared<Session>(context.io, context.tuning, Kind::probe, std::move(facts),
                                             asker.policy, policy::Overrides{}, sha256_hex(new_token()));
    session->policy.publish = policy::Publish::none;
    session->probe_of = asker.facts.policy;
    register_session(context, session);
    enqueue(context, *session, true, context.site.admission.queue_timeout);
    return session;
}

asio::awaitable<chimerax::CommandResult> run(ContextPtr context, SessionPtr probe, std::string command) {
    chimerax::RestRequest request;
    request.target = chimerax::run_target({std::move(command)});
    const Duration timeout = probe->policy.chimerax.start_timeout;
    const chimerax::RestReply reply = co_await send_request(context, probe, std::move(request), timeout);
    co_return chimerax::parse_command_result(reply.body);
}

/// Throws Error when it does not tell.
asio::awaitable<std::string> ask_version(ContextPtr context, SessionPtr probe) {
    while (!probe->serves()) {
        if (probe->must_end() || probe->state() == State::ended)
            throw Error(Errc::engine, "its sandbox did not become ready");
        co_await probe->changed.wait();
    }
    const chimerax::CommandResult result = co_await run(context, probe, "version");
    for (const std::string& note : result.note) {
        if (const auto version = version_of_note(note))
            co_return *version;
    }
    throw Error(Errc::engine, "its answer to `version` names none");
}

/// Without libOSMesa ChimeraX starts all the same, and only the first picture fails: so one is taken.
asio::awaitable<bool> takes_picture(ContextPtr context, SessionPtr probe, const std::string& engine) {
    static constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
    const chimerax::CommandResult result =
        co_await run(context, probe, "save /work/proof.png width 32 height 32");
    if (!result.ok()) {
        log::warning({probe->id(), probe->facts.tenant},
                     "engine " + engine + " cannot save pictures: " +
                         (result.error ? result.error->message : "it does not say why") +
                         "; cure: install its libOSMesa, and let the policy bind it");
        co_return false;
    }
    const OpenedFile picture = co_await open_file(context, probe, "proof.png");
    std::array<char, kSignature.size()> begin{};
    const ssize_t got = ::pread(picture.fd.get(), begin.data(), begin.size(), 0);
    co_return got == static_cast<ssize_t>(begin.size()) &&
        std::string_view(begin.data(), begin.size()) == kSignature;
}

asio::awaitable<void> look(ContextPtr context, SessionPtr probe, ProbedEngines::Key key) {
    try {
        ProbedEngine engine;
        engine.version = co_await ask_version(context, probe);
        engine.renders = co_await takes_picture(context, probe, key.first);
        log::info({probe->id(), probe->facts.tenant}, "engine " + key.first + ": version " + engine.version);
        context->probed_engines.found(key, std::move(engine));
    } catch (const std::exception& error) {
        context->probed_engines.failed(key);
        log::warning({probe->id(), probe->facts.tenant},
                     "engine " + key.first + ": the probe did not succeed: " + error.what());
    }
    probe->request_end(EndReason::deleted, "the probe is done");
}

} // namespace

void probe_engine(const ContextPtr& context, const SessionPtr& session) {
    const ProbedEngines::Key key{session->facts.engine.executable, session->facts.policy_digest};
    if (session->kind() != Kind::tenant || context->shutting_down ||
        !context->probed_engines.should_look(key))
        return;
    const SessionPtr probe = make_probe(*context, *session);
    if (!probe)
        return; // the next session asks again
    context->probed_engines.looking(key);
    start_running(context, probe, run_session(context, probe));
    asio::co_spawn(context->io, look(context, probe, key), asio::detached);
}

} // namespace sandbox::manager
