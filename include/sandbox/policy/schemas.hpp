#pragma once

#include <string_view>

namespace sandbox::policy {

/// The JSON Schemas of the three kinds of files: what the loader checks against, a sentence a field.
std::string_view policy_schema();
std::string_view tenant_schema();
std::string_view site_schema();

} // namespace sandbox::policy
