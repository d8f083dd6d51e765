#pragma once

#include "api/auth/auth.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/manager.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::api {

/// Reads the body of POST /v1/sessions. A caller of role tenant may leave `tenant` out. Throws Error
/// invalid_argument with the field at fault: an unknown key, a wrong type, a value out of range; denied for
/// another's tenant.
manager::CreateRequest parse_create(const std::string& body, const Caller& caller);

/// The header Idempotency-Key of a create: 1 to 255 visible characters of ASCII. Keys belong to the tenant;
/// all admins are one caller. The fingerprint is of the body's meaning: neither the order of its keys nor the
/// query counts. Throws Error invalid_argument.
std::optional<manager::IdempotencyKey> parse_repeat(const Request& request, const Caller& caller);

struct CommandRequest {
    std::vector<std::string> commands;
    std::optional<Duration> timeout;
};

/// Reads the body of POST /v1/sessions/{id}/commands.
CommandRequest parse_commands(const std::string& body);

/// Reads the body of POST /v1/sessions/{id}/extend: {"seconds": …}.
Duration parse_extend(const std::string& body);

/// Reads the body of PATCH /v1/sessions/{id}; an empty one is an error.
manager::SessionChange parse_change(const std::string& body);

/// Reads the body of POST /v1/sessions/{id}/render, which may be empty.
struct RenderRequest {
    unsigned width = 800, height = 600, supersample = 1;
    bool transparent = false;
};
RenderRequest parse_render(const std::string& body);

/// Reads the body of POST /v1/tokens; whose session it is for, and that one's tenant, is for the caller to
/// see. Throws Error invalid_argument with the field at fault; denied for more rights, or a longer life, than
/// the caller has.
manager::NewToken parse_new_token(const std::string& body, const Caller& caller, manager::WallTime now);

/// Reads an optional flag of a body that may be empty: {"dry_run": true}.
bool parse_flag(const std::string& body, const char* name);

} // namespace sandbox::api
