#pragma once

#include "manager/capacity/capacity.hpp"
#include "manager/capacity/fair_queue.hpp"
#include "manager/capacity/host_pressure.hpp"
#include "manager/capacity/idempotency.hpp"
#include "manager/capacity/retry_after.hpp"
#include "sandbox/manager/tuning.hpp"

#include <algorithm>

namespace sandbox::manager {

/// Who gets a place on this host, and who its turn to be started.
///
/// A session needs a place (of the host, its tenant, its policy, and memory of the budget) and then a turn:
/// only some sandboxes are made at the same time, and none while a gate is closed. It is `queued` until it
/// has both; at its deadline it ends with queue_timeout.
///
/// No place: it waits while the queue has room, whatever the limit is that it has met: another session of the
/// same tenant may end soon just as well as any. Where the queue is full, or half of it is its own tenant's,
/// or the caller does not want to wait, it is refused. Who waits for the host or its memory is not overtaken;
/// who waits for his own tenant's or policy's place lets others pass. While a gate is closed nobody new comes
/// in at all: what already waits is enough to load the host again.
///
/// Nobody is counted here: which sessions have a place or a turn stands with the sessions (Session::place),
/// so that one that was adopted or ended in any way is counted rightly.
struct AdmissionState {
    static HostLimits host_limits(const policy::Site& site, std::optional<Bytes> host_memory) {
        return {std::min<std::uint64_t>(site.admission.max_sessions.value_or(site.slots), site.slots),
                memory_promise(site.admission.memory_budget, host_memory, site.admission.memory_overcommit)};
    }

    AdmissionState(const policy::Site& site, const Tuning& tuning, std::string token_secret)
        : gates(site, tuning.proc, tuning.pressure_age),
          limits(host_limits(site, gates.host_memory())),
          repeats(std::move(token_secret)) {}

    PressureGates gates;
    HostLimits limits;
    FairQueue waiting; ///< for a place
    FairQueue turns;   ///< with a place, for their turn
    /// What the whole queue waits for; none: only some of it waits, for what is theirs.
    Shortage queue_waits_for = Shortage::none;
    RetryAfter retries;
    IdempotencyKeys repeats;

    /// The site's settings have changed: they hold for who comes from now on, and for who waits.
    void take(const policy::Site& site) {
        gates.set_limits(site.admission);
        limits = host_limits(site, gates.host_memory());
    }
};

} // namespace sandbox::manager
