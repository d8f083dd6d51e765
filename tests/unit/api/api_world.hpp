#pragma once

#include "sandbox/api/server.hpp"
#include "unit/manager/world.hpp"

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
    ApiWorld();

    /// One request on a connection of its own; `token` empty: none is sent.
    Answer ask(const std::string& method, const std::string& target, const std::string& token,
               const std::string& body = {}, const std::string& headers = {});

    World world;
    api::Server server;

  private:
    Answer exchange(UniqueFd socket, const std::string& request);
    std::string path_;
};

} // namespace sandbox::test
