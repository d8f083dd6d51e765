#pragma once

#include "manager/model/end_reason.hpp"
#include "manager/model/idempotency_key.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/policy/policy.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sandbox::manager {

/// What the store keeps of a session: all that a manager needs to go on with it after another one was killed,
/// or to tell how it ended.
struct SessionRecord {
    SessionView view; ///< the facts, the state, and the end; nothing that is read from the kernel
    std::string token_hash;
    policy::Overrides overrides;
    std::string boot_id;              ///< of the boot that it lives in (kernel/random/boot_id, random(4))
    BootClock::time_point created{};  ///< in that boot
    std::optional<EndRequest> intent; ///< why it is to end, once somebody wants that
    bool exit_asked = false;
    std::string log_tail; ///< its last lines, once it ends
    std::optional<IdempotencyMark> repeat;
    std::chrono::microseconds booked_cpu{0}; ///< what its tenant's account has of it

    // What is in force of its policy, whatever becomes of the policy's file.
    Duration start_timeout{}, command_timeout{}, grace{};
    policy::Publish publish = policy::Publish::none;
    policy::Lifecycle lifecycle;
    std::optional<Duration> lifetime_ceiling; ///< as far as the lifetime may be extended
    policy::Recovery recovery;
    policy::CommandAudit audit_commands = policy::CommandAudit::none;
    std::optional<Bytes> work_size; ///< of its /work; an earlier release did not keep it
};

/// As JSON, which later releases read too: what they do not know is passed over, what is missing has its
/// default.
std::string to_json(const SessionRecord& record);
/// Throws Error invalid_argument for what is no record.
SessionRecord record_from_json(const std::string& text);

} // namespace sandbox::manager
