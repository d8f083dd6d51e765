#pragma once

#include "api/http/message.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/manager/session_view.hpp"

namespace sandbox::api {

/// An Error as `application/problem+json` (RFC 9457): type, title, status, detail, and this program's code,
/// field and cure. 401 has WWW-Authenticate; 429 and 503 have Retry-After, and the `reason` where the error
/// has one.
Response problem(const Error& error);

/// For HTTP's own refusals, which no Errc has: 405, 408, 412, 414, 415, 417, 431. `field`: the header at
/// fault.
Response http_problem(unsigned status, const std::string& title, const std::string& detail,
                      const std::string& cure, const std::string& field = {});

/// The problem of a session that has ended: the error's, with the keys `session` and `end`.
Response ended_problem(const Error& error, const manager::SessionView& session);

/// 410: what was asked for needs a session that lives. `cure` is what to do then.
Response gone_problem(const manager::SessionView& session, std::string cure = "Make a new session.");

/// The error that the end of a session is to a caller who waited for it to become ready.
Error error_of_end(const manager::SessionView& session);

} // namespace sandbox::api
