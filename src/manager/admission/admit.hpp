#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Checks the request and adds the session, which then has to be run.
Created admit(Context& context, CreateRequest request);
/// Which session a create with the same key is answered with.
void note_repeat(Context& context, const IdempotencyMark& mark, const std::string& id);

} // namespace sandbox::manager
