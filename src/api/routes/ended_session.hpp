#pragma once

#include "api/http/message.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/manager/session_view.hpp"

#include <string>

namespace sandbox::api {

/// The problem of a session that has ended: the error's, with the keys `session` and `end`.
Response ended_problem(const Error& error, const manager::SessionView& session);

/// 410: what was asked for needs a session that lives. `cure` is what to do then.
Response gone_problem(const manager::SessionView& session, std::string cure = "Make a new session.");

/// The error that the end of a session is to a caller who waited for it to become ready.
Error error_of_end(const manager::SessionView& session);

} // namespace sandbox::api
