// The tenants' accounts: what their sessions use, here and in the store.
#include "manager/accounting/usage_booking.hpp"

#include "manager/accounting/sampler.hpp"
#include "manager/session/persistence.hpp"

#include <algorithm>
#include <chrono>

namespace sandbox::manager {
namespace {

/// A manager that is killed has lost what was open.
constexpr Duration kBookEvery = std::chrono::minutes(1);

std::string today() {
    return day_of(std::chrono::system_clock::now());
}

void forget_old(Context& context) {
    std::string first = day_of(std::chrono::system_clock::now() - UsageLedger::kKept);
    if (context.accounts.forget_before(first))
        context.store.forget_usage_before(std::move(first));
}

} // namespace

void load_accounts(Context& context) {
    for (DayUsage& account : context.store.load_usage())
        context.accounts.add(std::move(account));
    forget_old(context);
}

void count_session(Context& context, const Session& session) {
    DayUsage& account = context.accounts.at(session.facts.tenant, today());
    ++account.sessions;
    persist(context, session, account);
    if (account.sessions == 1) // not with each of them: that looks through all accounts
        forget_old(context);
}

void book(Context& context, Session& session) {
    if (session.facts.end) {
        const std::chrono::duration<double> cpu(session.facts.end->cpu_seconds);
        session.open_use.note_cpu(std::chrono::duration_cast<std::chrono::microseconds>(cpu));
    }
    DayUsage& account = context.accounts.at(session.facts.tenant, session.open_day);
    session.open_use.add_to(account);
    session.open_use.close();
    persist(context, session, account);
}

void account_slice(Context& context, unsigned slice) {
    const auto now = BootClock::now();
    const std::string day = today();
    for (const auto& [number, session] : context.registry.all_live()) {
        if (number % kSampleSlices != slice || !session->figures || session->kind() != Kind::tenant)
            continue;
        if (session->open_day != day || now - session->booked_at >= kBookEvery) {
            book(context, *session);
            session->open_day = day;
            session->booked_at = now;
        }
        session->open_use.note(session->figures->newest(), now);
    }
}

std::vector<DayUsage> usage_of(const Context& context, const std::string& tenant, const std::string& since,
                               const std::string& until) {
    UsageLedger now;
    for (DayUsage& account : context.accounts.of(tenant, since, until))
        now.add(std::move(account));
    for (const auto& [number, session] : context.registry.all_live()) {
        const std::string& day = session->open_day;
        if (session->kind() == Kind::tenant && session->facts.tenant == tenant && day >= since &&
            day <= until)
            session->open_use.add_to(now.at(tenant, day));
    }
    return now.of(tenant, since, until);
}

} // namespace sandbox::manager
