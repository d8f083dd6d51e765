#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Reads from the store what tenants have used.
void load_accounts(Context& context);
/// Counts the session as one that was made today.
void count_session(Context& context, const Session& session);
/// Adds what the session has used since the last time to its tenant's account.
void book(Context& context, Session& session);
/// Notes the use of each session in this slice (sampler.hpp), which has just been sampled.
void account_slice(Context& context, unsigned slice);
/// Returns a tenant's use from a day to a day, both with it, and what is not booked yet.
std::vector<DayUsage> usage_of(const Context& context, const std::string& tenant, const std::string& since,
                               const std::string& until);

} // namespace sandbox::manager
