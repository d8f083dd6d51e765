#pragma once

#include "manager/session/manager_metrics.hpp"
#include "manager/session/registry.hpp"

#include <memory>

#include <boost/asio/awaitable.hpp>

namespace sandbox::manager {

struct Context;

/// What a caller sees of a session's figures, read anew where they are older than `age`.
Stats stats_of(const Session& session, Duration age, bool with_history);

/// Not all sessions at once: a thousand would hold up everybody else for the time of all their reads.
inline constexpr unsigned kSampleSlices = 10;

/// Reads the figures of one of the slices of all live sessions, and counts what they used.
void sample_slice(const Registry& registry, ManagerMetrics& counters, unsigned slice, Duration age);

/// The counters of each policy that is in force begin with 0: a rate needs a value before the first one.
void begin_with_zero(Context& context);

/// Samples a slice in each tenth of the tuning's interval, and counts how late that comes, for as long as
/// there is a core.
boost::asio::awaitable<void> sample_forever(std::weak_ptr<Context> weak);

} // namespace sandbox::manager
