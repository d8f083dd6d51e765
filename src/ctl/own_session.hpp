#pragma once

#include "context.hpp"

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

    /// Ends it as its policy says, before its time: what the API says of it then. Throws Error.
    Json end();

  private:
    const Context& context_;
    ApiClient api_;
    std::string id_;
    bool ended_ = false;
};

} // namespace sandbox::ctl
