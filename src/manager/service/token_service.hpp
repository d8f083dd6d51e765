#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

boost::asio::awaitable<MadeToken> make_token(CorePtr core, NewToken asked);
boost::asio::awaitable<ApiToken> revoke_token(CorePtr core, std::string id);
std::optional<ApiToken> use_token(Core& core, const std::string& secret);

} // namespace sandbox::manager
