#include "manager/accounting/metrics.hpp"

#include "manager/metering/cgroup_reader.hpp"
#include "manager/session/launcher_client.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace sandbox::manager {
namespace {

using metric::Family;

Family single(const char* name, metric::Kind kind, const char* help, double value) {
    return {name, kind, help, {{{}, value}}};
}

/// Every state of a live one, so that a number goes back to 0 and does not vanish.
constexpr std::array kLiveStates{State::queued, State::starting,   State::ready,  State::busy,
                                 State::frozen, State::recovering, State::ending, State::stuck};

std::set<std::string> policies_of(const Context& context) {
    std::set<std::string> names;
    for (const policy::Policy& policy : context.catalog.policies())
        names.insert(policy.name);
    for (const auto& [number, session] : context.registry.all_live())
        if (session->kind() == Kind::tenant)
            names.insert(session->facts.policy);
    return names;
}

Family sessions(const Context& context) {
    std::map<std::pair<std::string, State>, double> counts;
    for (const std::string& policy : policies_of(context))
        for (const State state : kLiveStates)
            counts[{policy, state}] = 0;
    for (const auto& [number, session] : context.registry.all_live())
        if (session->kind() == Kind::tenant)
            counts[{session->facts.policy, session->state()}] += 1;
    Family family{"sandboxd_sessions", metric::Kind::gauge, "Live sessions, by policy and state.", {}};
    for (const auto& [key, count] : counts)
        family.points.push_back(
            {{{"policy", key.first}, {"state", std::string(to_text(key.second))}}, count});
    return family;
}

/// Of all live sessions of a policy together, as sampled last; a kind that no session has is left out.
Family memory(const Context& context) {
    std::map<std::pair<std::string, std::string>, double> sums;
    for (const auto& [number, session] : context.registry.all_live()) {
        if (!session->figures || session->kind() != Kind::tenant)
            continue;
        const Sample& sample = session->figures->newest();
        const std::string& policy = session->facts.policy;
        const auto add = [&](const char* kind, const std::optional<Bytes>& size) {
            if (size)
                sums[{policy, kind}] += static_cast<double>(size->value);
        };
        add("current", sample.memory);
        add("anon", sample.memory_anon);
        add("file", sample.memory_file);
        add("shmem", sample.memory_shmem);
        add("swap", sample.memory_swap);
    }
    Family family{
        "sandboxd_sessions_memory_bytes", metric::Kind::gauge, "Memory of live sessions, by kind.", {}};
    for (const auto& [key, sum] : sums)
        family.points.push_back({{{"policy", key.first}, {"kind", key.second}}, sum});
    return family;
}

Family limits(const Context& context) {
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    return {"sandboxd_sessions_limit",
            metric::Kind::gauge,
            "How many sessions there may be: live, in the queue, and in the making.",
            {{{{"scope", "host"}}, number(context.admission.limits.sessions)},
             {{{"scope", "queue"}}, number(context.site.admission.queue_length)},
             {{{"scope", "starting"}}, number(context.site.admission.starts_at_once)}}};
}

/// Nothing on a kernel without PSI.
Family memory_pressure(const Context& context) {
    Family family{"sandboxd_memory_pressure_ratio",
                  metric::Kind::gauge,
                  "Share of the last 10 s in which tasks of the host waited for memory (PSI).",
                  {}};
    std::string text;
    try {
        text = read_file(context.tuning.proc + "/pressure/memory", 4096);
    } catch (const Error&) {
        return family;
    }
    for (const char* kind : {"some", "full"})
        if (const auto percent = avg10_of(text, kind))
            family.points.push_back({{{"kind", kind}}, *percent / 100});
    return family;
}

} // namespace

std::vector<Family> metrics_of(const Context& context) {
    std::vector<Family> families = context.counters.families();
    const AuditCounts audit = context.store.audit_counts();
    families.push_back(sessions(context));
    families.push_back(memory(context));
    families.push_back(limits(context));
    families.push_back(memory_pressure(context));
    families.push_back(single("sandboxd_queue_length", metric::Kind::gauge, "Sessions that wait for a place.",
                              static_cast<double>(context.admission.waiting.size())));
    families.push_back(single("sandboxd_launcher_connected", metric::Kind::gauge,
                              "1 while the launcher is there and answers.",
                              context.launcher->connected() ? 1 : 0));
    families.push_back(single("sandboxd_draining", metric::Kind::gauge,
                              "1 while no new sessions are taken, as an admin wants it.",
                              context.draining ? 1 : 0));
    families.push_back(single("sandboxd_config_last_reload_successful", metric::Kind::gauge,
                              "0 after a reload that was refused: what was in force before still is.",
                              context.reload_refused ? 0 : 1));
    families.push_back(single("sandboxd_audit_lines", metric::Kind::counter,
                              "Lines of the audit trail on the disk.", static_cast<double>(audit.lines)));
    families.push_back(single("sandboxd_audit_write_errors", metric::Kind::counter,
                              "Writes to the audit trail that failed, and are tried again.",
                              static_cast<double>(audit.errors)));
    families.push_back(single("sandboxd_audit_lost_lines", metric::Kind::counter,
                              "Lines of the audit trail that were dropped.",
                              static_cast<double>(audit.lost)));
    families.push_back(single("sandboxd_kept_logs", metric::Kind::gauge, "Logs of sessions that have ended.",
                              static_cast<double>(context.kept_logs->count())));
    families.push_back(single("sandboxd_kept_logs_bytes", metric::Kind::gauge, "Their size.",
                              static_cast<double>(context.kept_logs->bytes())));
    return families;
}

} // namespace sandbox::manager
