#pragma once

#include "api/http/connection.hpp"
#include "sandbox/manager/manager.hpp"

#include <string>

namespace sandbox::api {

/// What may be done on a session's published port: with that session's token (Bearer, or Basic with the token
/// as password) GET and POST of /run and /cmdline.html go to its ChimeraX; without it 401; all else is 404.
Admit published_port(manager::Manager& manager, const std::string& session);

} // namespace sandbox::api
