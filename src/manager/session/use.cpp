#include "manager/session/use.hpp"

namespace sandbox::manager {

namespace {

/// Of a session whose policy sets no limit to a command.
constexpr Duration kRequestTimeout = std::chrono::minutes(10);

} // namespace

InUse use_of(const SessionPtr& session) {
    return {.hold = std::make_shared<Use>(session),
            .lives = [session] { return session->state() != State::ended; },
            .policy = session->facts.policy,
            .work_size = session->policy.filesystem.work.size,
            .request_timeout = session->policy.chimerax.command_timeout > Duration::zero()
                                   ? session->policy.chimerax.command_timeout
                                   : kRequestTimeout};
}

} // namespace sandbox::manager
