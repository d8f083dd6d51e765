#pragma once

#include "api/http/message.hpp"
#include "sandbox/protocol/facts.hpp"

#include <ctime>
#include <optional>
#include <string>

namespace sandbox::api {

/// What a GET is about: the ETag, in its quotes, and the time of the last change.
struct Validators {
    std::string tag;
    std::time_t modified = 0;
};

/// The preconditions of a PUT or DELETE, for the one who can look and act at once (RFC 9110, 13.1). Throws
/// Error invalid_argument for what is malformed.
protocol::Preconditions preconditions_of(const Request& request);

/// 412 or 304 where a GET's preconditions ask for it, in the order of RFC 9110, 13.2.2. Throws the same.
std::optional<Response> unmet_condition(const Request& request, const Validators& known);

/// Whether If-Range lets the Range count; an absent one does.
bool range_counts(const Request& request, const Validators& known);

/// For routes that have neither ETags nor times: refuses preconditions that protect something from being
/// changed, which else were passed over.
std::optional<Response> refuse_conditions(const Request& request);

/// 412.
Response precondition_failed(const std::string& detail, const std::string& cure, const std::string& field);

} // namespace sandbox::api
