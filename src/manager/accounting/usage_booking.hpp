#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// What tenants have used, here and in the store.
void load_accounts(Context& context);
/// It counts as one that was made today.
void count_session(Context& context, const Session& session);
/// What it has used is in its tenant's account.
void book(Context& context, Session& session);
/// Of each session in this slice (sampler.hpp), which has just been sampled.
void account_slice(Context& context, unsigned slice);
/// From a day to a day, both with it, and what is not booked yet.
std::vector<DayUsage> usage_of(const Context& context, const std::string& tenant, const std::string& since,
                               const std::string& until);

} // namespace sandbox::manager
