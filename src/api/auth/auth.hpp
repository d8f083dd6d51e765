#pragma once

#include "api/http/message.hpp"
#include "sandbox/manager/api_token.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace sandbox::api {

/// What a caller may do; each includes those before it. A monitor may look at what a route says it may, and
/// nothing else.
enum class Role { anyone, monitor, session, tenant, admin };

/// As the API's documents have it.
std::string_view to_text(Role role);

struct Caller {
    Role role = Role::anyone;
    std::string tenant;                               ///< role tenant
    std::string session;                              ///< role session
    std::string token = {};                           ///< the id of the API token that it came with
    std::optional<manager::WallTime> expires_at = {}; ///< that token's

    bool operator==(const Caller&) const = default;
};

/// Who is at the other end of a connection, as the kernel knows it (unix(7), SO_PEERCRED, SO_PEERGROUPS).
struct Peer {
    bool local = false; ///< a unix socket; the rest is of use only there
    uid_t uid = 0;
    std::vector<gid_t> groups;
};

/// Reads both from a connected socket. Throws Error io. Any other socket than a unix one is a remote peer.
Peer peer_of(int socket);

/// The token of `Authorization: Bearer TOKEN`, or of Basic with the token as password where that is wanted.
std::optional<std::string> bearer_token(std::string_view authorization);
std::optional<std::string> basic_password(std::string_view authorization);

/// `localhost`, `127.0.0.1` or `[::1]`, with or without a port: what a browser that was led here by another
/// name (DNS rebinding) does not send.
bool is_loopback_host(std::string_view host);

/// Throws Error denied for an Origin, or invalid_argument for a Host, that is neither this machine's loopback
/// nor one of these names.
void check_host_and_origin(const Request& request, const Peer& peer,
                           const std::vector<std::string>& names = {});

/// Users and groups of /etc/passwd and /etc/group alone: asking NSS could block, or be answered by a network.
std::optional<uid_t> look_up_user(const std::string& name_or_number, const std::string& passwd_file);
std::optional<gid_t> look_up_group(const std::string& name_or_number, const std::string& group_file);

/// Who may do what, made from the site's and the tenants' files.
class Authenticator {
  public:
    using SessionOfToken = std::function<std::optional<std::string>(const std::string& token)>;
    using ApiTokenOf = std::function<std::optional<manager::ApiToken>(const std::string& token)>;

    Authenticator(const policy::Site& site, const std::vector<policy::Tenant>& tenants,
                  SessionOfToken session_of_token, ApiTokenOf api_token_of,
                  const std::string& passwd_file = "/etc/passwd",
                  const std::string& group_file = "/etc/group");

    /// Throws Error unauthenticated without good credentials, denied for a local user who has no role.
    Caller authenticate(const Request& request, const Peer& peer) const;

  private:
    Caller by_token(const std::string& token) const;
    Caller by_api_token(const manager::ApiToken& token) const;
    Caller by_user(const Peer& peer) const;

    std::optional<gid_t> admin_group_;
    std::vector<std::string> admin_hashes_;
    std::vector<std::pair<std::string, std::string>> tenant_hashes_; ///< hash, tenant
    std::map<uid_t, std::string> tenant_users_;
    std::set<std::string> tenants_;
    SessionOfToken session_of_token_;
    ApiTokenOf api_token_of_;
};

} // namespace sandbox::api
