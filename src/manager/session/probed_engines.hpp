#pragma once

#include "sandbox/base/duration.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sandbox::manager {

struct ProbedEngine {
    std::string version;
    bool renders = false; ///< it saved a picture; it cannot where libOSMesa is missing
};

/// What the probes found out: one answer for each executable and policy digest.
class ProbedEngines {
  public:
    using Key = std::pair<std::string, std::string>; ///< executable, policy digest

    explicit ProbedEngines(Duration retry) : retry_(retry) {}

    std::optional<ProbedEngine> find(const Key& key) const;
    /// True when somebody should look now: it is not known, nobody looks, and the last failure is long ago.
    bool should_look(const Key& key) const;
    void looking(const Key& key);
    void found(const Key& key, ProbedEngine engine);
    void failed(const Key& key);

  private:
    struct Entry {
        std::optional<ProbedEngine> engine;
        bool looking = false;
        std::optional<BootClock::time_point> failed_at;
    };
    const Duration retry_;
    std::map<Key, Entry> entries_;
};

/// The version in what the command `version` writes, "UCSF ChimeraX version: 1.11 (2025-12-16)": all behind
/// the colon. nullopt: there is none.
std::optional<std::string> version_of_note(const std::string& note);

} // namespace sandbox::manager
