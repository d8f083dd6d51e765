#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// A line of the audit trail that this program writes of a session by itself.
void note_audit(Context& context, const Session& session, std::string action, std::string outcome,
                std::string detail);
/// Its record as it is now, or with the state that it takes next.
void persist(Context& context, const Session& session, std::optional<State> next = {});
/// The same, with the account that has what the session has used.
void persist(Context& context, const Session& session, const DayUsage& account);
/// Waits until all records are on the disk. False: they cannot be written now.
boost::asio::awaitable<bool> flush(ContextPtr context);

} // namespace sandbox::manager
