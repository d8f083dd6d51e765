#pragma once

#include "api/http/message.hpp"
#include "sandbox/base/error.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::api {

/// An Error as `application/problem+json` (RFC 9457): type, title, status, detail, and this program's code,
/// field and cure. 401 has WWW-Authenticate; 429 and 503 have Retry-After, and the `reason` where the error
/// has one.
Response problem(const Error& error);

/// The same with members of its own: `document` is problem_document() with what was added to it.
Response problem(const Error& error, const nlohmann::ordered_json& document);
nlohmann::ordered_json problem_document(const Error& error);

/// For HTTP's own refusals, which no Errc has: 405, 408, 412, 414, 415, 417, 431. `field`: the header at
/// fault.
Response http_problem(unsigned status, const std::string& title, const std::string& detail,
                      const std::string& cure, const std::string& field = {});

} // namespace sandbox::api
