#pragma once

#include "session.hpp"

namespace sandbox::manager {

/// A session is used for as long as this lives (Session::in_use); with its end the idle clock begins anew.
class Use {
  public:
    explicit Use(SessionPtr session) : session_(std::move(session)) {
        ++session_->uses;
        session_->note_activity();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
        --session_->uses;
        session_->note_activity();
        session_->changed.notify(); // its clocks are looked at again
    }

  private:
    SessionPtr session_;
};

} // namespace sandbox::manager
