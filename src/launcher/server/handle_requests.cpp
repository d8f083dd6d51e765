// Requests that are answered in the turn of the loop that takes them, and files on their way in.
#include "launcher/inspect/inspect.hpp"
#include "launcher/operations/published_port.hpp"
#include "launcher/operations/update_limits.hpp"
#include "launcher/operations/workspace_file.hpp"
#include "launcher/records/expectations.hpp"
#include "launcher/recovery/orphan_collector.hpp"
#include "launcher/server/jobs.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>

#include <fcntl.h>

namespace sandbox::launcher {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kListedAtOnce = 64; ///< far below kMaxPacket, whatever the paths
constexpr std::size_t kEndedAtOnce = 512;
constexpr std::ptrdiff_t kMaxWriters = 4; ///< of a session

} // namespace

Sandbox& Server::find(const std::string& session) {
    const auto found = sandboxes_.find(session);
    if (found == sandboxes_.end())
        throw Error(Errc::not_found, "there is no sandbox " + session, {}, "session");
    return found->second;
}

Sandbox& Server::find_staying(const std::string& session) {
    Sandbox& sandbox = find(session);
    const bool ending = std::ranges::any_of(
        enders_, [&](const auto& ender) { return &ender->sandbox == &sandbox && !ender->done; });
    if (ending)
        throw Error(Errc::conflict, "session " + session + " is ending", {}, "session");
    return sandbox;
}

bool Server::is_pending(const std::string& session) const {
    return std::ranges::any_of(
        pending_, [&](const auto& entry) { return !entry->done && entry->request.session == session; });
}

void Server::freeze(const protocol::Freeze& request, Responder& reply) {
    const Sandbox& sandbox = find_staying(request.session);
    // sandbox-init too: what it would write of a stopped ChimeraX can wait.
    sandbox.cgroup.freeze(request.frozen);
    fault_point(context_, FaultPoint::frozen);
    reply(protocol::Frozen{request.frozen}, {});
}

void Server::reclaim(const protocol::Reclaim& request, Responder& reply) {
    // The file is root's, and moving pages to the swap takes its time: so it is opened here, and written to
    // where one can wait. With it a manager that an attacker owns can make its own sessions slow, and no
    // other group: they could be frozen or ended as well.
    const UniqueFd file =
        find_staying(request.session).cgroup.open_file(kernel::cgroup_file::kMemoryReclaim, O_WRONLY);
    reply(protocol::Reclaimable{}, {file.get()});
}

void Server::look(const protocol::Look& request, Responder& reply) {
    const Sandbox& sandbox = find(request.session);
    reply(read_last_figures(context_, request.session, sandbox.cgroup), {});
}

void Server::set_limits(const protocol::SetLimits& request, Responder& reply) {
    Sandbox& sandbox = find_staying(request.session);
    change_expectations(context_, request.session, change_limits(rules_, sandbox, request));
    write_session_file(context_, sandbox.facts);
    reply(sandbox.facts, {});
}

void Server::publish(const protocol::Publish& request, Responder& reply) {
    Sandbox& sandbox = find(request.session);
    if (!sandbox.published) {
        PublishedPort port = publish_port(sandbox.facts);
        sandbox.facts.published_port = port.port;
        // Before it is told: a launcher that starts anew opens the same port.
        write_session_file(context_, sandbox.facts);
        fault_point(context_, FaultPoint::published);
        sandbox.published = std::move(port.socket);
    }
    reply(protocol::Published{sandbox.facts.published_port.value_or(0)}, {sandbox.published.get()});
}

void Server::attach(const protocol::Attach& request, Responder& reply) {
    if (is_pending(request.session))
        throw Error(Errc::conflict, "session " + request.session + " is being made", "ask again", "session");
    Sandbox& sandbox = find(request.session);
    sandbox.facts.engine_pid = find_engine(sandbox.cgroup, static_cast<pid_t>(sandbox.facts.init_pid));
    reply(sandbox.facts, {sandbox.pidfd.get(), sandbox.cgroup.fd()});
}

void Server::list(const protocol::List& request, Responder& reply) const {
    protocol::Listed listed;
    for (auto entry = sandboxes_.upper_bound(request.after); entry != sandboxes_.end(); ++entry) {
        if (listed.sessions.size() == kListedAtOnce) {
            listed.more = true;
            break;
        }
        listed.sessions.push_back(entry->second.facts);
        listed.sessions.back().timeline.clear();
    }
    const std::deque<std::string>& ended = exit_records_.sessions();
    const auto count = static_cast<std::ptrdiff_t>(std::min(ended.size(), kEndedAtOnce));
    listed.ended.assign(ended.begin(), ended.begin() + count);
    reply(std::move(listed), {});
}

void Server::forget(const protocol::Forget& request, Responder& reply) {
    for (const std::string& session : request.sessions)
        exit_records_.forget(session);
    reply(protocol::Forgotten{}, {});
}

void Server::reload(const std::string& digest) {
    rules_.reload(context_.site, digest);
    log::info("the site's policies and tenants are read anew");
}

std::vector<protocol::Leftover> Server::sweep_leftovers(bool dry_run) {
    Claimed claimed{{},
                    {},
                    [this](const std::string& session) { return exit_records_.has(session); },
                    [this](const std::string& tenant) { return tenant_is_used(tenant); }};
    for (const auto& [session, sandbox] : sandboxes_) {
        claimed.sessions.insert(session);
        claimed.slots.insert(sandbox.facts.slot);
    }
    for (const auto& pending : pending_) {
        claimed.sessions.insert(pending->request.session);
        claimed.slots.insert(pending->request.slot);
    }
    // No longer: everybody waits meanwhile. What the kernel has not ended by then goes with the next sweep.
    return sweep(context_, driver_, claimed, dry_run, 200ms);
}

void Server::put_file(const protocol::PutFile& request, std::vector<UniqueFd> descriptors, Responder& reply) {
    const Sandbox& sandbox = find_staying(request.session);
    if (descriptors.size() != 1)
        throw Error(Errc::invalid_argument, "put_file comes with one descriptor");
    const auto of_session = std::ranges::count_if(
        writers_, [&](const auto& entry) { return entry->writing.session() == request.session; });
    if (of_session >= kMaxWriters)
        throw Error(Errc::quota,
                    "session " + request.session + " takes " + std::to_string(kMaxWriters) +
                        " files at once, and no more",
                    "Send it again when one is done.");
    writers_.push_back(std::make_unique<WriteJob>(sandbox, request, std::move(descriptors[0]), reply));
}

void Server::advance(WriteJob& writer) {
    try {
        std::optional<protocol::Stored> stored = writer.writing.advance();
        if (!stored)
            return;
        writer.reply(std::move(*stored), {});
    } catch (const Error& error) {
        writer.reply(protocol::to_failure(error), {});
    }
    writer.done = true;
}

} // namespace sandbox::launcher
