#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/protocol/facts.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the manager and the launcher say to each other: one JSON object a packet of a SOCK_SEQPACKET unix
/// socket, at most kMaxPacket bytes, descriptors beside it by SCM_RIGHTS. Every packet carries the version;
/// unknown keys, types and versions are refused. No request names a path, uid, mount or argv.
namespace sandbox::protocol {

inline constexpr int kVersion = 1;
inline constexpr std::size_t kMaxPacket = 128 * 1024;

// ---- requests
// ---------------------------------------------------------------------------------------------------

/// Makes a sandbox and starts ChimeraX in it. Reply: Launched, with descriptors {pidfd of init, session
/// cgroup folder}.
struct Launch {
    std::string session;
    std::uint32_t slot = 0;
    std::string tenant;
    std::string policy;
    std::string digest; ///< the policy that the manager read; another one now is Error conflict
    // Overrides; checked against the policy's ceilings by the launcher.
    std::optional<Bytes> memory_max;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids_max;
    std::map<std::string, std::string> environment;
    std::string token_hash; ///< kept in the root-owned session.json for a manager that lost its store
    /// Built-in policy `probe` only: the policy whose ChimeraX is to be looked at.
    std::string probe_of;
    /// Its system calls are counted, for SystemCalls. It is confined as any other, and slower; a call that a
    /// signal meets fails with EINTR more often.
    bool learns = false;

    bool operator==(const Launch&) const = default;
};

/// Ends a sandbox: end of stdin, after `grace` SIGTERM, after another grace kill of the whole group; removes
/// all of it. The reply comes when nothing is left (Ended). Of one that has ended before it is the same reply
/// again, until it is forgotten. Ending an unknown session is not_found.
struct End {
    std::string session;
    std::uint64_t grace_milliseconds = 0;
    bool operator==(const End&) const = default;
};

/// A listening socket on 127.0.0.1 of the host: any free port, and from then on the session's own. Reply:
/// Published, with that descriptor.
struct Publish {
    std::string session;
    bool operator==(const Publish&) const = default;
};

/// What only root can see of a sandbox. Reply: Inspected.
struct Inspect {
    std::string session;
    bool operator==(const Inspect&) const = default;
};

/// All sandboxes that exist, sorted by id, as many as go in one packet. Reply: Listed; no descriptors.
struct List {
    std::string after; ///< only ids greater than this one; empty for the first packet
    bool operator==(const List&) const = default;
};

/// The descriptors of a running sandbox again, for a manager that was started anew. Reply: Launched. One that
/// is still being made is Error conflict.
struct Attach {
    std::string session;
    bool operator==(const Attach&) const = default;
};

/// A regular file of the session's workspace, opened for reading with the session's own rights. Reply:
/// Opened, with its descriptor. `list`: a folder, and the descriptor is of a list of what is in it, as JSON.
struct OpenFile {
    std::string session;
    std::string path; ///< below /work, relative, any bytes; empty, and `list`: /work itself
    bool list = false;
    std::string after = {}; ///< of a list: only names behind this one
    bool operator==(const OpenFile&) const = default;
};

/// Copies the regular file whose descriptor comes with it into the workspace, with the session's own rights
/// and in its cgroup, and then puts it in the place of what has that name. Reply: Stored.
struct PutFile {
    std::string session;
    std::string path;       ///< below /work, relative, any bytes; missing folders are made
    std::uint64_t size = 0; ///< bytes of it
    Preconditions only_if;
    bool operator==(const PutFile&) const = default;
};

/// As long as a PutFile may take without a byte more of it in the workspace.
inline constexpr std::chrono::seconds kPutPause{60};
/// And in all: a session that gets little CPU time is slower than any disk.
constexpr std::chrono::seconds longest_put(std::uint64_t size) {
    return kPutPause + std::chrono::seconds(size >> 20);
}

/// Removes a file of the workspace, with the session's own rights; of a link, the link. Reply: Removed.
struct RemoveFile {
    std::string session;
    std::string path;
    Preconditions only_if;
    bool operator==(const RemoveFile&) const = default;
};

/// Other limits for a sandbox that runs, below the ceilings of its policy as it is now. Reply: Launched,
/// without descriptors.
struct SetLimits {
    std::string session;
    std::optional<Bytes> memory_max;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids_max;
    bool operator==(const SetLimits&) const = default;
};

/// Stops all processes of a sandbox, or lets them go on (cgroup-v2.rst, cgroup.freeze). Reply: Frozen, once
/// the kernel has been told: the processes stop when they next come out of it.
struct Freeze {
    std::string session;
    bool frozen = true;
    bool operator==(const Freeze&) const = default;
};

/// The session's own memory.reclaim (cgroup-v2.rst), opened for writing. Reply: Reclaimable, with that
/// descriptor: who asked writes to it, and so waits for the swap in place of the launcher.
struct Reclaim {
    std::string session;
    bool operator==(const Reclaim&) const = default;
};

/// The figures that End would tell, of a sandbox that has not ended. Reply: Ended, without last_step.
struct Look {
    std::string session;
    bool operator==(const Look&) const = default;
};

/// Kills ChimeraX and all that it left, and starts it again in the same sandbox. Reply: Launched, with the
/// new engine_pid, 0 when it has ended already; no descriptors.
struct Restart {
    std::string session;
    bool operator==(const Restart&) const = default;
};

/// The last figures of sandboxes that have ended are no longer needed: the manager has stored them. Reply:
/// Forgotten, also for what there is not.
struct Forget {
    std::vector<std::string> sessions;
    bool operator==(const Forget&) const = default;
};

/// Removes what is named like a session but belongs to none, or only tells of it. Reply: Swept.
struct Sweep {
    bool dry_run = false;
    bool operator==(const Sweep&) const = default;
};

/// Reads the site's files again, and takes all of them or, where one is wrong, none. Reply: Reloaded.
struct Reload {
    std::string digest; ///< SiteFiles::digest of what the manager read: another one is a conflict
    bool operator==(const Reload&) const = default;
};

using Request = std::variant<Launch, End, Publish, Inspect, List, Attach, OpenFile, Freeze, Forget, Look,
                             Restart, Reclaim, Sweep, PutFile, RemoveFile, SetLimits, Reload>;

// ---- replies
// ----------------------------------------------------------------------------------------------------

struct Launched {
    std::string session;
    std::uint32_t slot = 0;
    std::string tenant;
    std::string policy;
    std::string digest;
    std::int64_t init_pid = 0;    ///< as the host sees it
    std::uint64_t start_time = 0; ///< of init: field 22 of /proc/PID/stat
    std::int64_t engine_pid = 0;  ///< ChimeraX, as the host sees it; 0 when it has ended
    std::uint32_t uid = 0;        ///< and gid
    std::string address;          ///< the session's own IPv4 address
    std::uint16_t port = 0;       ///< of the REST server in the session
    bool publish = false;         ///< the policy allows Publish
    std::optional<std::uint16_t> published_port;
    std::string cgroup;     ///< the session's folder
    std::string log_dir;    ///< stdout.0 stdout.1 stderr.0 stderr.1; readable for the manager
    std::string executable; ///< of ChimeraX
    bool stand_in = false;  ///< it is this project's own stand-in
    std::string token_hash;
    std::vector<std::string> not_enforced; ///< "io.max: controller io is missing", best-effort policies only
    // The limits in force.
    Bytes memory_max;
    std::optional<double> cpus;
    std::uint64_t pids_max = 0;
    std::vector<TimelineEntry> timeline;
    std::optional<std::int64_t> learner_pid; ///< who counts its system calls, as the host sees it

    bool operator==(const Launched&) const = default;
};

struct Ended {
    std::string session;
    std::optional<ExitRecord> record; ///< the last one; none when init was killed before it could write
    std::uint64_t oom_kills = 0;      ///< memory.events oom_kill of payload
    std::optional<Bytes> memory_peak;
    std::uint64_t cpu_microseconds = 0;
    std::string last_step; ///< which rung ended it: "already_ended", "stdin", "sigterm", "cgroup.kill"
    std::optional<SystemCalls> system_calls; ///< of Launch::learns
    bool operator==(const Ended&) const = default;
};

struct Published {
    std::uint16_t port = 0;
    bool operator==(const Published&) const = default;
};

struct Inspected {
    std::string json; ///< an object that the API hands on as it is
    bool operator==(const Inspected&) const = default;
};

struct Opened {
    std::uint64_t size = 0; ///< bytes, when it was opened: a session may write on
    std::string tag;        ///< changes with its content: of inode, time of modification and size
    bool operator==(const Opened&) const = default;
};

struct Stored {
    bool created = false; ///< there was none of that name
    std::string tag;
    bool operator==(const Stored&) const = default;
};

struct Removed {
    bool operator==(const Removed&) const = default;
};

struct Frozen {
    bool frozen = true;
    bool operator==(const Frozen&) const = default;
};

struct Reclaimable {
    bool operator==(const Reclaimable&) const = default;
};

struct Forgotten {
    bool operator==(const Forgotten&) const = default;
};

struct Reloaded {
    bool operator==(const Reloaded&) const = default;
};

struct Swept {
    std::vector<Leftover> found; ///< as many as go in one packet
    bool operator==(const Swept&) const = default;
};

struct Listed {
    std::vector<Launched> sessions; ///< without timelines
    bool more = false;              ///< ask again, with `after` the last id of these
    std::vector<std::string> ended; ///< whose last figures are kept; as many as go in one packet
    bool operator==(const Listed&) const = default;
};

struct Failure {
    Errc code = Errc::internal;
    std::string message;
    std::string cure;
    std::string field;
    bool operator==(const Failure&) const = default;
};

using Reply = std::variant<Launched, Ended, Published, Inspected, Listed, Opened, Frozen, Reclaimable,
                           Forgotten, Swept, Stored, Removed, Reloaded, Failure>;

// ---- text form
// --------------------------------------------------------------------------------------------------

/// `id` pairs a reply with its request; replies may come in any order.
template <typename Body>
struct Packet {
    std::uint64_t id = 0;
    Body body;
};

std::string encode(const Packet<Request>& packet);
std::string encode(const Packet<Reply>& packet);
/// Throw Error invalid_argument on anything that is not exactly a known message of this version.
Packet<Request> decode_request(std::string_view text);
Packet<Reply> decode_reply(std::string_view text);

Failure to_failure(const Error& error);
Error to_error(const Failure& failure);

} // namespace sandbox::protocol
