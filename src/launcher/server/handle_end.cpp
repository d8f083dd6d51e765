// The end of a session, from the request to the reply, and of what its tenant alone needed.
#include "launcher/server/jobs.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>

namespace sandbox::launcher {

using namespace std::chrono_literals;

namespace {

constexpr Duration kMaxGrace = 5min;

} // namespace

void Server::end(const protocol::End& request, Responder& reply) {
    if (auto ended = exit_records_.find(request.session)) {
        if (sandboxes_.contains(request.session))
            remove(request.session); // nothing runs in it, and it could not be removed before
        reply(std::move(*ended), {});
        return;
    }
    Sandbox& sandbox = find(request.session);
    const Duration grace = std::min(Duration(request.grace_milliseconds), kMaxGrace);
    for (const auto& ender : enders_)
        if (&ender->sandbox == &sandbox) {
            ender->ending.hurry(grace);
            ender->replies.push_back(std::move(reply));
            return;
        }
    std::erase_if(restarters_, [&](const auto& entry) { return &entry->sandbox == &sandbox; });
    for (const auto& writer : writers_) {
        if (writer->writing.session() != request.session || writer->done)
            continue;
        writer->reply(protocol::Failure{Errc::gone, "session " + request.session + " is ending", {}, {}}, {});
        writer->done = true;
    }
    std::erase_if(writers_, [](const auto& entry) { return entry->done; }); // which kills them
    enders_.push_back(std::make_unique<TeardownJob>(sandbox, grace));
    enders_.back()->replies.push_back(std::move(reply));
    fault_point(context_, FaultPoint::end_stdin);
    advance(*enders_.back());
}

void Server::advance(TeardownJob& ender) {
    try {
        switch (ender.ending.advance()) {
        case Teardown::Progress::waiting:
            if (ender.ending.last_rung() == "sigterm")
                fault_point(context_, FaultPoint::end_sigterm);
            if (ender.ending.last_rung() == "cgroup.kill")
                fault_point(context_, FaultPoint::end_kill);
            return;
        case Teardown::Progress::empty:
            finish(ender);
            return;
        case Teardown::Progress::stuck:
            throw Error(Errc::timed_out,
                        "session " + ender.sandbox.facts.session +
                            " has a process that the kernel does not end",
                        "it waits for a device or a file system (state D); its slot is not used again until "
                        "it is gone");
        }
    } catch (const Error& error) {
        log::error({ender.sandbox.facts.session, ender.sandbox.facts.tenant},
                   "session " + ender.sandbox.facts.session + " was not ended: " + error.what());
        for (Responder& reply : ender.replies)
            reply(protocol::to_failure(error), {});
        ender.done = true;
    }
}

void Server::finish(TeardownJob& ender) {
    protocol::Ended ended = read_last_figures(context_, ender.sandbox.facts.session, ender.sandbox.cgroup);
    ended.last_step = ender.ending.last_rung();
    exit_records_.keep(ended);
    fault_point(context_, FaultPoint::end_noted);
    const std::string tenant = ender.sandbox.facts.tenant;
    remove(ended.session); // the ender's sandbox is gone from here on
    ender.done = true;
    log::info({ended.session, tenant},
              "session " + ended.session + " of tenant " + tenant + " has ended (" + ended.last_step + ")");
    for (Responder& reply : ender.replies)
        reply(ended, {});
}

void Server::remove(const std::string& session) {
    const Sandbox& sandbox = find(session);
    const std::string tenant = sandbox.facts.tenant;
    const std::string& group = sandbox.cgroup.path();
    const kernel::CgroupDir parent = kernel::CgroupDir::open(group.substr(0, group.rfind('/')));
    if (!destroy_cgroup(parent, session, 1s))
        throw Error(Errc::io, "the cgroup " + group + " cannot be removed");
    fault_point(context_, FaultPoint::end_group);
    remove_run_folder(context_, session); // the log stays with its last words
    fault_point(context_, FaultPoint::end_folders);
    sandboxes_.erase(session);
    release_tenant(tenant);
}

bool Server::tenant_is_used(const std::string& tenant) const {
    return std::ranges::any_of(sandboxes_,
                               [&](const auto& entry) { return entry.second.facts.tenant == tenant; }) ||
           std::ranges::any_of(
               pending_, [&](const auto& entry) { return !entry->done && entry->request.tenant == tenant; });
}

void Server::release_tenant(const std::string& tenant) {
    if (!tenant_is_used(tenant))
        driver_.release_tenant(tenant);
}

} // namespace sandbox::launcher
