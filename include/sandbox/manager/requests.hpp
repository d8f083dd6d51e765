#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/settings_diff.hpp"
#include "sandbox/protocol/facts.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// Of a session's texts, in bytes; of labels also how many there may be.
inline constexpr std::size_t kMaxSessionName = 128, kMaxLabels = 64, kMaxLabelKey = 128,
                             kMaxLabelValue = 1024;

/// What makes the second create of a client that lost its connection the same session.
struct IdempotencyKey {
    std::string caller;      ///< whose key it is: each caller has keys of their own
    std::string key;         ///< the caller's word
    std::string fingerprint; ///< of what was asked for: another one under the same key is an error
};

struct CreateRequest {
    std::string tenant;
    std::string policy; ///< empty: the first that the tenant may use
    std::string name;
    std::map<std::string, std::string> labels;
    policy::Overrides overrides;
    // Shorter than the policy's clocks; longer ones are cut to them.
    std::optional<Duration> idle_timeout, max_lifetime;
    std::optional<Duration> queue_timeout;     ///< none: the site's; 0: a place at once, or a refusal
    std::optional<std::uint64_t> max_restarts; ///< at most the policy's own; 0: it ends with its ChimeraX
    bool learns = false;                       ///< its system calls are counted
    std::optional<IdempotencyKey> repeat;
};

struct Created {
    SessionView session;
    std::string token;     ///< the only time that it is shown
    bool repeated = false; ///< it was made by an earlier create with the same key
};

/// A file of a session's workspace, for reading.
struct OpenedFile {
    UniqueFd fd;
    std::uint64_t size = 0; ///< when it was opened
    std::string tag;        ///< changes with its content
};

/// A file that is to come into a workspace.
struct NewFile {
    std::string path;
    UniqueFd content; ///< a regular file
    std::uint64_t size = 0;
    protocol::Preconditions only_if;
};

struct StoredFile {
    bool created = false; ///< there was none of that name
    std::string tag;
};

/// A session that somebody uses, for as long as `hold` lives: it is neither ended as idle nor frozen by its
/// clocks meanwhile. Its lifetime ends it all the same.
struct InUse {
    std::shared_ptr<void> hold;
    std::function<bool()> lives; ///< the session has not ended
    std::string policy;          ///< its name
    Bytes work_size;             ///< of its /work
    Duration request_timeout{};  ///< of a request whose caller names none, its turn in the queue included
};

/// What is absent stays as it is.
struct SessionChange {
    std::optional<std::string> name;
    std::optional<std::map<std::string, std::string>> labels; ///< in the place of all old ones
    std::optional<Duration> idle_timeout, max_lifetime;       ///< up to the policy's own
    policy::Overrides limits;                                 ///< up to its ceilings; no environment
};

struct Backup {
    UniqueFd file; ///< without a name
    std::uint64_t size = 0;
};

/// What a reload has changed.
struct Reloaded {
    struct Names {
        std::vector<std::string> added, changed, removed;
        bool operator==(const Names&) const = default;
    };
    Names policies, tenants;
    policy::SiteChange settings;
};
/// For the log and the audit trail.
std::string to_text(const Reloaded& done);

using Leftover = protocol::Leftover;

class Session;

/// A session that was looked up once, for the calls that follow.
struct FoundSession {
    std::string id, tenant;
    std::shared_ptr<Session> live; ///< null: it has ended
};

} // namespace sandbox::manager
