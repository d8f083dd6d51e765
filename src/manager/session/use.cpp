#include "manager/session/use.hpp"

namespace sandbox::manager {

InUse use_of(const SessionPtr& session) {
    return {.hold = std::make_shared<Use>(session),
            .lives = [session] { return session->state() != State::ended; },
            .work_size = session->policy.filesystem.work.size};
}

} // namespace sandbox::manager
