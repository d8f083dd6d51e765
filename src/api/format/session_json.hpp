#pragma once

#include "sandbox/manager/session_view.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/tenant.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::api {

/// The session as JSON text, in the keys of the API. `token` is in it only where one is given: in the answer
/// to the create, and nowhere else.
std::string session_json(const manager::SessionView& session, const std::string& token = {});

/// The same without a token, for what has more members.
nlohmann::ordered_json session_document(const manager::SessionView& session);

/// `{"sessions": […]}`, with `next_cursor` where there are more.
std::string sessions_json(const std::vector<manager::SessionView>& sessions,
                          const std::string& next_cursor = {});

std::string policy_json(const policy::Policy& policy);
std::string policies_json(const std::vector<policy::Policy>& policies);

/// Without the hashes of its tokens.
std::string tenant_json(const policy::Tenant& tenant);
std::string tenants_json(const std::vector<policy::Tenant>& tenants);

} // namespace sandbox::api
