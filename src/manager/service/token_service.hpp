#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

boost::asio::awaitable<MadeToken> make_token(ContextPtr context, NewToken asked);
boost::asio::awaitable<ApiToken> revoke_token(ContextPtr context, std::string id);
std::optional<ApiToken> use_token(Context& context, const std::string& secret);

} // namespace sandbox::manager
