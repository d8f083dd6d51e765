#include "core.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// A throw-away session under the built-in policy `probe`. Not in a tenant's own: what a tenant's engine
/// says of itself is the tenant's word. null: no slot can be spared.
SessionPtr make_probe(Core& core, const Session& asker) {
    if (core.registry.all_live().size() + 1 >= core.site.slots) // the last one is for a tenant
        return nullptr;
    SessionView facts;
    facts.id = new_session_id();
    facts.tenant = kProbe;
    facts.policy = kProbe;
    facts.policy_digest = asker.facts.policy_digest;
    facts.created_at = std::chrono::system_clock::now();
    auto session = std::make_shared<Session>(core.io, core.tuning, Kind::probe, std::move(facts),
                                             asker.policy, policy::Overrides{}, sha256_hex(new_token()));
    session->policy.publish = policy::Publish::none;
    session->probe_of = asker.facts.policy;
    core.registry.add(session);
    return session;
}

/// Throws Error when it does not tell.
asio::awaitable<std::string> ask_version(CorePtr core, SessionPtr probe) {
    while (!probe->serves()) {
        if (probe->must_end() || probe->state() == State::ended)
            throw Error(Errc::engine, "its sandbox did not become ready");
        co_await probe->changed.wait();
    }
    chimerax::RestRequest request;
    request.target = chimerax::run_target({"version"});
    const Duration timeout = probe->policy.chimerax.start_timeout;
    const chimerax::RestReply reply = co_await rest(core, probe, std::move(request), timeout);
    const chimerax::CommandResult result = chimerax::parse_command_result(reply.body);
    for (const std::string& note : result.note) {
        if (const auto version = version_of_note(note))
            co_return *version;
    }
    throw Error(Errc::engine, "its answer to `version` names none");
}

asio::awaitable<void> probe_version(CorePtr core, SessionPtr probe, EngineVersions::Key key) {
    try {
        const std::string version = co_await ask_version(core, probe);
        core->versions.found(key, version);
        log::info("engine " + key.first + ": version " + version);
    } catch (const std::exception& error) {
        core->versions.failed(key);
        log::warning("engine " + key.first + ": its version could not be found: " + error.what());
    }
    probe->want_end(EndReason::deleted, "the probe is done");
}

} // namespace

void look_up_version(const CorePtr& core, const SessionPtr& session) {
    const EngineVersions::Key key{session->facts.engine.executable, session->facts.policy_digest};
    if (session->kind() != Kind::tenant || core->shutting_down || !core->versions.should_look(key))
        return;
    const SessionPtr probe = make_probe(*core, *session);
    if (!probe)
        return; // the next session asks again
    core->versions.looking(key);
    start_running(core, probe);
    asio::co_spawn(core->io, probe_version(core, probe, key), asio::detached);
}

} // namespace sandbox::manager
