#include "manager/accounting/sampler.hpp"

#include "manager/accounting/usage_booking.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
void begin_with_zero(Context& context) {
    for (const policy::Policy& policy : context.catalog.policies()) {
        for (const char* result : {"ready", "failed"})
            context.counters.starts.at({policy.name, result, "cold"});
        for (const EndReason reason :
             {EndReason::deleted, EndReason::idle, EndReason::lifetime, EndReason::exited,
              EndReason::signalled, EndReason::oom, EndReason::start_timeout, EndReason::hung,
              EndReason::crash_loop, EndReason::launch_failed})
            context.counters.ends.at({policy.name, std::string(to_text(reason))});
        context.counters.cpu_seconds.at({policy.name});
        context.counters.oom_kills.at({policy.name});
    }
}

Stats stats_of(const Session& session, Duration age, bool with_history) {
    Stats stats;
    stats.history_step = History::kStep;
    if (!session.figures)
        return stats;
    const auto now = BootClock::now();
    const auto wall_time = [&](BootClock::time_point time) {
        return std::chrono::system_clock::now() -
               std::chrono::duration_cast<std::chrono::system_clock::duration>(now - time);
    };
    stats.sample = session.figures->sample(now, age);
    stats.sampled_at = wall_time(*session.figures->read_at());
    if (!with_history)
        return stats;
    stats.history = session.figures->history().points();
    if (const auto end = session.figures->history().end())
        stats.history_ends_at = wall_time(*end);
    return stats;
}

void sample_slice(const Registry& registry, ManagerMetrics& counters, unsigned slice, Duration age) {
    const auto now = BootClock::now();
    for (const auto& [number, session] : registry.all_live()) {
        if (number % kSampleSlices != slice || !session->figures || session->kind() != Kind::tenant)
            continue;
        const Sample& sample = session->figures->sample(now, age);
        counters.note_use(*session, sample);
        if (const auto threshold = session->lifecycle.active_cpus;
            threshold && sample.cpu && session->serves() &&
            session->cpu_activity.note(*sample.cpu, *session->figures->read_at(), *threshold))
            session->note_activity();
    }
}

asio::awaitable<void> sample_forever(std::weak_ptr<Context> weak) {
    std::optional<asio::steady_timer> timer;
    Duration pause{};
    if (const ContextPtr context = weak.lock()) {
        begin_with_zero(*context);
        timer.emplace(context->io);
        pause = std::max(context->tuning.sample_interval / kSampleSlices, Duration(1));
    }
    for (unsigned slice = 0; timer; slice = (slice + 1) % kSampleSlices) {
        const SteadyTime due = std::chrono::steady_clock::now() + pause;
        timer->expires_at(due);
        co_await timer->async_wait(asio::use_awaitable);
        const ContextPtr context = weak.lock();
        if (!context)
            co_return;
        context->counters.loop_lag.observe(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - due).count());
        // Who looked at a session a moment ago has sampled it.
        sample_slice(context->registry, context->counters, slice, context->tuning.sample_interval / 2);
        account_slice(*context, slice);
        if (slice == 0)
            context->kept_logs->drop_old(BootClock::now());
    }
}

} // namespace sandbox::manager
