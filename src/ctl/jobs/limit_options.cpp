#include "ctl/jobs/limit_options.hpp"

#include "sandbox/base/bytes.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {

double seconds_of(const std::string& duration) {
    return std::chrono::duration<double>(parse_duration(duration)).count();
}

void put_wishes(const SessionWishes& wishes, Json& body) {
    if (!wishes.memory.empty())
        body["limits"]["memory_bytes"] = Bytes::parse(wishes.memory).value;
    if (wishes.cpus)
        body["limits"]["cpus"] = *wishes.cpus;
    if (wishes.pids)
        body["limits"]["pids"] = *wishes.pids;
    if (!wishes.idle.empty())
        body["idle_timeout_seconds"] = seconds_of(wishes.idle);
    if (!wishes.max_life.empty())
        body["max_lifetime_seconds"] = seconds_of(wishes.max_life);
    if (wishes.max_restarts)
        body["max_restarts"] = *wishes.max_restarts;
}

} // namespace sandbox::ctl
