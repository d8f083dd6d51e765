#pragma once

#include "manager/session/session.hpp"
#include "sandbox/manager/requests.hpp"

namespace sandbox::manager {

/// A session is used for as long as this lives (Session::in_use); with its end the idle clock begins anew.
/// One that was never ready has no idle clock, and those who wait for its readiness are not to be woken.
class Use {
  public:
    explicit Use(SessionPtr session) : session_(std::move(session)) {
        ++session_->uses;
        note_activity();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
        --session_->uses;
        note_activity();
        if (session_->uses == 0 && session_->serves())
            session_->changed.notify(); // its clocks are looked at again
    }

  private:
    void note_activity() {
        if (session_->facts.ready_at)
            session_->note_activity();
    }

    SessionPtr session_;
};

/// What a caller holds.
InUse use_of(const SessionPtr& session);

} // namespace sandbox::manager
