#pragma once

#include "sandbox/base/duration.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sandbox::manager {

/// What is known of the version of each engine: one answer for each executable and policy digest.
class EngineVersions {
  public:
    using Key = std::pair<std::string, std::string>; ///< executable, policy digest

    explicit EngineVersions(Duration retry) : retry_(retry) {}

    std::optional<std::string> find(const Key& key) const;
    /// True when somebody should look now: it is not known, nobody looks, and the last failure is long ago.
    bool should_look(const Key& key) const;
    void looking(const Key& key);
    void found(const Key& key, std::string version);
    void failed(const Key& key);

  private:
    struct Entry {
        std::optional<std::string> version;
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
