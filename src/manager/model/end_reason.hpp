#pragma once

#include "sandbox/manager/session_view.hpp"

#include <optional>
#include <string>

namespace sandbox::protocol {
struct Ended;
}

namespace sandbox::manager {

/// What this program wanted, before anything else ended the session.
struct EndRequest {
    EndReason reason = EndReason::deleted;
    std::string message; ///< for people
};

/// Why a session ended, and its last figures: what we intended; else what the kernel counted as OOM kills;
/// else the exit record. `ended` is absent when the launcher knew nothing of the session any more.
///
/// `exit_asked`: the last request told ChimeraX to exit, which it does by an abort.
SessionView::End classify_end(const std::optional<EndRequest>& intent,
                              const std::optional<protocol::Ended>& ended, std::optional<Bytes> memory_max,
                              bool exit_asked = false);
/// The same of a session of which nothing was made.
SessionView::End classify_end(const std::optional<EndRequest>& intent);

} // namespace sandbox::manager
