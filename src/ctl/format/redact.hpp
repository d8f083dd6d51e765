#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::ctl {

using Json = nlohmann::ordered_json;

// For reports that leave the site. Each keeps only what is known to hold nothing of a tenant's or an
// operator's own words: names, labels, commands, environment, what ChimeraX wrote. What is taken out is
// replaced by how much it was.

/// `(12 characters left out)`.
std::string left_out(const std::string& text);

Json redacted_session(const Json& session);
/// Names of processes but the two that every session has.
Json redacted_inspect(const Json& inspected);
/// When, by whom, what, with what outcome; no details.
Json redacted_audit(const Json& list);
/// The frames of tracebacks, and what is known to be ChimeraX's own; of every other line its length.
std::string redacted_log(const std::string& log);

} // namespace sandbox::ctl
