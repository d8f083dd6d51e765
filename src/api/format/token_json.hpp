#pragma once

#include "sandbox/manager/api_token.hpp"

#include <string>
#include <vector>

namespace sandbox::api {

/// A token's object, as JSON text. `secret` is in it only where one is given: in the answer to its making.
std::string token_json(const manager::ApiToken& token, manager::WallTime now, const std::string& secret = {});
std::string tokens_json(const std::vector<manager::ApiToken>& tokens, manager::WallTime now);

} // namespace sandbox::api
