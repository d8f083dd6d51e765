// A launch, and a new start of ChimeraX in its sandbox, from the request to the reply.
#include "launcher/authorize/authorize_launch.hpp"
#include "launcher/inspect/inspect.hpp"
#include "launcher/server/jobs.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"

#include <algorithm>

namespace sandbox::launcher {

using namespace std::chrono_literals;

namespace {

constexpr Duration kConstructionTime = 20s;

} // namespace

void Server::launch(const protocol::Launch& request, Responder& reply) {
    auto pending = std::make_unique<LaunchJob>();
    pending->timeline.start();
    pending->deadline = BootClock::now() + kConstructionTime;
    if (!is_session_id(request.session))
        throw Error(Errc::invalid_argument, "\"" + request.session + "\" is not a valid session id", {},
                    "session");
    if (sandboxes_.contains(request.session) || is_pending(request.session) ||
        exit_records_.find(request.session))
        throw Error(Errc::conflict, "session " + request.session + " is in use", "take another", "session");
    if (std::ranges::any_of(sandboxes_,
                            [&](const auto& entry) { return entry.second.facts.slot == request.slot; }) ||
        std::ranges::any_of(pending_, [&](const auto& entry) { return entry->request.slot == request.slot; }))
        throw Error(Errc::conflict, "slot " + std::to_string(request.slot) + " is in use", "take another",
                    "slot");
    LaunchPlan checked = authorize_launch(context_.site, rules_, request);
    exit_records_.forget(request.session); // the log of a try that a boot cut short
    pending->request = request;
    pending->reply = std::move(reply);
    pending->plan = std::move(checked.spec);
    pending->timeline.mark(Step::read_policy);
    fault_point(context_, Step::read_policy);
    LaunchJob* entry = pending_.emplace_back(std::move(pending)).get();
    driver_.tenant_group(checked.tenant, [this, entry](std::variant<TenantGroup, Error> group) {
        if (!entry->done)
            construct(*entry, std::move(group));
    });
}

void Server::construct(LaunchJob& pending, std::variant<TenantGroup, Error> group) {
    try {
        if (const Error* error = std::get_if<Error>(&group))
            throw *error;
        pending.timeline.mark(Step::tenant_group);
        fault_point(context_, Step::tenant_group);
        pending.builder = std::make_unique<SandboxBuilder>(context_, programs_, std::move(*pending.plan),
                                                           std::get<TenantGroup>(group), pending.timeline,
                                                           pending.request.token_hash);
        pending.deadline = BootClock::now() + kConstructionTime;
    } catch (const Error& error) {
        log::warning({pending.request.session, pending.request.tenant},
                     "session " + pending.request.session + " of tenant " + pending.request.tenant +
                         " was not made: " + error.what());
        pending.reply(protocol::to_failure(error), {});
        pending.done = true;
    }
}

void Server::advance(LaunchJob& pending) {
    try {
        if (pending.builder->advance()) {
            Sandbox sandbox = pending.builder->finish();
            const std::string session = sandbox.facts.session;
            log::info({session, sandbox.facts.tenant}, "session " + session + " of tenant " +
                                                           sandbox.facts.tenant + " runs as " +
                                                           std::to_string(sandbox.facts.init_pid) +
                                                           " in slot " + std::to_string(sandbox.facts.slot));
            const Sandbox& kept = sandboxes_.emplace(session, std::move(sandbox)).first->second;
            pending.reply(kept.facts, {kept.pidfd.get(), kept.cgroup.fd()});
            pending.done = true;
        } else if (BootClock::now() >= pending.deadline) {
            throw Error(Errc::timed_out, "session " + pending.request.session + " was not made in time",
                        "look for a path of the policy that hangs, as one on a network file system");
        }
    } catch (const Error& error) {
        log::warning({pending.request.session, pending.request.tenant},
                     "session " + pending.request.session + " of tenant " + pending.request.tenant +
                         " was not made: " + error.what());
        pending.builder.reset(); // all undone before the caller hears of it
        pending.reply(protocol::to_failure(error), {});
        pending.done = true;
    }
}

void Server::restart(const protocol::Restart& request, Responder& reply) {
    Sandbox& sandbox = find_staying(request.session);
    if (kernel::has_ended(sandbox.pidfd.get()))
        throw Error(Errc::gone, "session " + request.session + " has no sandbox-init any more", {},
                    "session");
    std::erase_if(restarters_, [&](const auto& entry) { return &entry->sandbox == &sandbox; });
    restarters_.push_back(std::make_unique<RestartJob>(sandbox, reply));
    fault_point(context_, FaultPoint::restart_kill);
    advance(*restarters_.back());
}

void Server::advance(RestartJob& restarter) {
    Sandbox& sandbox = restarter.sandbox;
    try {
        switch (restarter.restarting.advance()) {
        case EngineRestart::Progress::waiting:
            if (restarter.restarting.told())
                fault_point(context_, FaultPoint::restart_told);
            return;
        case EngineRestart::Progress::stuck:
            throw Error(Errc::timed_out,
                        "session " + sandbox.facts.session + " has a process that the kernel does not end");
        case EngineRestart::Progress::done:
            fault_point(context_, FaultPoint::restart_done);
            sandbox.facts.engine_pid =
                find_engine(sandbox.cgroup, static_cast<pid_t>(sandbox.facts.init_pid));
            log::info({sandbox.facts.session, sandbox.facts.tenant},
                      "session " + sandbox.facts.session + ": ChimeraX was started again as " +
                          std::to_string(sandbox.facts.engine_pid));
            restarter.reply(sandbox.facts, {});
        }
    } catch (const Error& error) {
        log::error({sandbox.facts.session, sandbox.facts.tenant},
                   "session " + sandbox.facts.session + " was not restarted: " + error.what());
        restarter.reply(protocol::to_failure(error), {});
    }
    restarter.done = true;
}

} // namespace sandbox::launcher
