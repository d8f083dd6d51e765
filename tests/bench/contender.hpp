#pragma once

#include "sandbox/protocol/message.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sandbox::bench {

using Nanoseconds = std::chrono::nanoseconds;

/// One way to start and stop the no-op in namespaces of its own. Both functions do one whole round of it and
/// return what it took; what is only book-keeping lies outside the measured time. They throw Error.
struct Contender {
    std::string name;
    std::string how; ///< the command line or the flags, for the reader
    std::function<Nanoseconds()> launch;
    std::function<Nanoseconds()> stop;
};

struct Paths {
    std::string noop;
    std::string bundle;    ///< of crun: a folder with config.json
    std::string crun_root; ///< where crun keeps its states
    std::string crun_cgroup_manager;
};

/// Ours: from the request's send to the launcher's answer, which comes once the no-op was exec'ed.
/// `timelines` receives the steps of each launch.
struct OurRequest {
    std::string socket, policy, digest, tenant;
    std::uint32_t slots = 1024;
};
Contender our_launcher(const OurRequest& request,
                       std::vector<std::vector<protocol::TimelineEntry>>& timelines);

/// From the spawn of the tool until the no-op's first byte. Stopped by SIGKILL to the first process of its
/// pid namespace, until the tool itself has ended and was reaped.
Contender bubblewrap(const Paths& paths);
/// From the spawn of `crun run --detach` until the no-op's first byte. Stopped by `crun delete --force`.
Contender crun(const Paths& paths);
/// clone3(2) with the flags of all seven namespaces and nothing else, until the no-op's first byte. Stopped
/// by SIGKILL, until it was reaped.
Contender bare_clone(const Paths& paths);

} // namespace sandbox::bench
