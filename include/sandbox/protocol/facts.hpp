#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Parts of the messages that others than their sender and receiver know, too.
namespace sandbox::protocol {

/// What must hold of the file that has the name in the moment in which it is replaced or removed (RFC 9110,
/// 13.1). Tags stand in their quotes; `*` is whatever is there. Else it is Error conflict, with the header's
/// name as the field.
struct Preconditions {
    std::optional<std::vector<std::string>> if_match, if_none_match;
    std::optional<std::int64_t> unmodified_since; ///< seconds of the epoch
    bool operator==(const Preconditions&) const = default;
};

struct TimelineEntry {
    std::string step;
    std::uint64_t microseconds = 0; ///< since the request was read
    bool operator==(const TimelineEntry&) const = default;
};

/// One line of the exit record, which sandbox-init writes when ChimeraX ends.
struct ExitRecord {
    std::uint32_t run = 0; ///< 1 for the first start of ChimeraX in this sandbox
    std::optional<int> exit_status;
    std::optional<int> signal;
    std::uint64_t runtime_milliseconds = 0;
    bool operator==(const ExitRecord&) const = default;
};

/// How often a session made which system call, by name; of sandbox-init's own, too. Calls for which its
/// filter kills are not in it.
struct SystemCalls {
    std::map<std::string, std::uint64_t> allowed, refused; ///< what is 0 is left out
    bool operator==(const SystemCalls&) const = default;
};

/// Something of a session that nobody claims.
struct Leftover {
    std::string kind; ///< "cgroup", "folder", "link", "sandbox"
    std::string name;
    bool operator==(const Leftover&) const = default;
};

} // namespace sandbox::protocol
