#pragma once

#include "standin/session/rest_server.hpp"

#include <string>

namespace standin {

/// Sends an answer that is broken in the way asked for. `endless` and `slow` end when the peer goes.
void send_broken(http::Connection& connection, Sabotage kind, const std::string& head,
                 const std::string& body);

} // namespace standin
