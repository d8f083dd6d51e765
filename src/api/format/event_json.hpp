#pragma once

#include "sandbox/manager/event.hpp"

#include <string>

namespace sandbox::api {

/// One event as the text/event-stream format wants it (HTML Standard, 9.2): id, type and a line of JSON.
std::string event_text(const manager::Event& event);

/// Said where events are missing between what the client knows and what follows.
std::string gap_text(std::uint64_t last_id);

} // namespace sandbox::api
