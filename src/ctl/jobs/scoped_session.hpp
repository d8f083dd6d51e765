#pragma once

#include "ctl/context/context.hpp"

#include <optional>
#include <string>

namespace sandbox::ctl {

/// A session of the program's own, which ends with this, however.
class OwnSession {
  public:
    /// `wanted` is the body of the create. Throws Error.
    OwnSession(const Context& context, const Json& wanted);
    OwnSession(const OwnSession&) = delete;
    OwnSession& operator=(const OwnSession&) = delete;
    ~OwnSession();

    const std::string& id() const { return id_; }

    /// Asks by `api`, which may be broken off. Throws Error conflict when it has ended instead.
    void wait_until_ready(const ApiClient& api) const;

    /// What the API says of it once it has ended by itself; none: nothing is seen of that for some seconds.
    /// Asks by `api`, which may be broken off. Throws Error.
    std::optional<Json> ended_by_itself(const ApiClient& api) const;

    /// Ends it, with so long for ChimeraX to go by itself, as its policy says unless given: what the API says
    /// of it then. Throws Error.
    Json end(std::optional<Duration> grace = {});

  private:
    const Context& context_;
    ApiClient api_;
    std::string id_;
    bool ended_ = false;
};

} // namespace sandbox::ctl
