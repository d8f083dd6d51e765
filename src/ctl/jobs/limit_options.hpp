#pragma once

#include "ctl/format/json_text.hpp"
#include "sandbox/base/duration.hpp"

#include <optional>
#include <string>

namespace sandbox::ctl {

/// What may be asked for of a session, when it is made and while it runs, as on the command line.
struct SessionWishes {
    std::string memory;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids;
    std::string idle, max_life;
    std::optional<std::uint64_t> max_restarts = {}; ///< only when it is made
};

/// Into the body of a request, what is given. Throws Error invalid_argument for what is no size or no time.
void put_wishes(const SessionWishes& wishes, Json& body);

double seconds_of(const std::string& duration);

} // namespace sandbox::ctl
