#pragma once

#include "api/server/server.hpp"
#include "unit/manager/world.hpp"

#include <functional>
#include <string>

namespace sandbox::test {

/// What came back.
struct Answer {
    int status = 0;
    std::string head, body;
};

/// A manager with fakes around it, and its API on a unix socket. Callers are admin by a token of that name;
/// the tenants' tokens are `acme-token` and `tiny-token`.
class ApiWorld {
  public:
    explicit ApiWorld(const std::function<void(policy::Site&, manager::Tuning&)>& change = {});

    /// One request on a connection of its own; `token` empty: none is sent.
    Answer ask(const std::string& method, const std::string& target, const std::string& token,
               const std::string& body = {}, const std::string& headers = {});

    /// The same in two steps: the connection lives, and its answer is not waited for, until `finish`.
    UniqueFd begin(const std::string& method, const std::string& target, const std::string& token,
                   const std::string& body = {}, const std::string& headers = {});
    Answer finish(UniqueFd connection);

    World world;
    api::Server server;

  private:
    std::string path_;
};

} // namespace sandbox::test
