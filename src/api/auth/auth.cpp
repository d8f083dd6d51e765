#include "api/auth/auth.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

namespace sandbox::api {
namespace {

struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

std::optional<unsigned> number_of(const std::string& text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::vector<gid_t> groups_of(int socket) {
    std::vector<gid_t> groups(64);
    for (;;) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
            groups.resize(size / sizeof(gid_t));
            return groups;
        }
        if (errno != ERANGE)
            throw_errno("SO_PEERGROUPS of a connection");
        groups.resize(size / sizeof(gid_t)); // the kernel has said how many there are
    }
}

Error no_credentials(const std::string& what) {
    return {Errc::unauthenticated, what, "Send `Authorization: Bearer TOKEN` with a token of this site."};
}

} // namespace

std::string_view to_text(Role role) {
    switch (role) {
    case Role::anyone:
        break;
    case Role::monitor:
        return "monitor";
    case Role::session:
        return "session";
    case Role::tenant:
        return "tenant";
    case Role::admin:
        return "admin";
    }
    return "anyone";
}

Peer peer_of(int socket) {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        throw_errno("SO_DOMAIN of a connection");
    if (domain != AF_UNIX)
        return {};
    ucred credentials{};
    size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        throw_errno("SO_PEERCRED of a connection");
    Peer peer{.local = true, .uid = credentials.uid, .groups = groups_of(socket)};
    peer.groups.push_back(credentials.gid);
    return peer;
}

std::optional<uid_t> look_up_user(const std::string& name_or_number, const std::string& passwd_file) {
    if (const auto number = number_of(name_or_number))
        return *number;
    const File file(std::fopen(passwd_file.c_str(), "re"));
    if (!file)
        return std::nullopt;
    while (const passwd* entry = ::fgetpwent(file.get()))
        if (name_or_number == entry->pw_name)
            return entry->pw_uid;
    return std::nullopt;
}

std::optional<gid_t> look_up_group(const std::string& name_or_number, const std::string& group_file) {
    if (const auto number = number_of(name_or_number))
        return *number;
    const File file(std::fopen(group_file.c_str(), "re"));
    if (!file)
        return std::nullopt;
    while (const group* entry = ::fgetgrent(file.get()))
        if (name_or_number == entry->gr_name)
            return entry->gr_gid;
    return std::nullopt;
}

Authenticator::Authenticator(const policy::Site& site, const std::vector<policy::Tenant>& tenants,
                             SessionOfToken session_of_token, ApiTokenOf api_token_of,
                             const std::string& passwd_file, const std::string& group_file)
    : admin_group_(look_up_group(site.admin_group, group_file)),
      admin_hashes_(site.admin_token_hashes),
      session_of_token_(std::move(session_of_token)),
      api_token_of_(std::move(api_token_of)) {
    for (const policy::Tenant& tenant : tenants) {
        tenants_.insert(tenant.name);
        for (const std::string& hash : tenant.token_hashes)
            tenant_hashes_.emplace_back(hash, tenant.name);
        for (const std::string& user : tenant.users) {
            const auto uid = look_up_user(user, passwd_file);
            if (!uid) {
                log::warning({.tenant = tenant.name}, "tenant " + tenant.name + ": there is no user " + user);
            } else if (const auto [place, added] = tenant_users_.emplace(*uid, tenant.name); !added) {
                log::warning({.tenant = tenant.name},
                             "user " + user + " acts as tenant " + place->second + ", not as " + tenant.name);
            }
        }
    }
}

Caller Authenticator::by_token(const std::string& token) const {
    const std::string hash = sha256_hex(token);
    // All are compared, so that the time tells nothing about which one fits.
    Caller caller;
    for (const auto& [known, tenant] : tenant_hashes_)
        if (equal_constant_time(hash, known))
            caller = {.role = Role::tenant, .tenant = tenant, .session = {}};
    for (const std::string& known : admin_hashes_)
        if (equal_constant_time(hash, known))
            caller = {.role = Role::admin, .tenant = {}, .session = {}};
    if (caller.role != Role::anyone)
        return caller;
    if (const auto api_token = api_token_of_(token))
        return by_api_token(*api_token);
    if (const auto session = session_of_token_(token))
        return {.role = Role::session, .tenant = {}, .session = *session};
    throw no_credentials("the token is not one of this site");
}

/// Who has the secret may hear why it does not hold.
Caller Authenticator::by_api_token(const manager::ApiToken& token) const {
    using manager::TokenRole;
    if (const auto state = token.state(std::chrono::system_clock::now());
        state != manager::TokenState::active) {
        throw no_credentials("the token " + token.id +
                             (state == manager::TokenState::revoked
                                  ? " was revoked at " + format_time(*token.revoked_at)
                                  : " expired at " + format_time(token.expires_at)));
    }
    const bool of_tenant = token.role == TokenRole::tenant || token.role == TokenRole::session;
    if (of_tenant && !tenants_.contains(token.tenant))
        throw no_credentials("the tenant " + token.tenant + " of the token is not there any more");
    Caller caller{.role = Role::monitor, .tenant = {}, .session = {}};
    caller.token = token.id;
    caller.expires_at = token.expires_at;
    switch (token.role) {
    case TokenRole::monitor:
        break;
    case TokenRole::session:
        caller.role = Role::session;
        caller.session = token.session;
        break;
    case TokenRole::tenant:
        caller.role = Role::tenant;
        caller.tenant = token.tenant;
        break;
    case TokenRole::admin:
        caller.role = Role::admin;
        break;
    }
    return caller;
}

Caller Authenticator::by_user(const Peer& peer) const {
    const bool in_admin_group =
        admin_group_ && std::ranges::find(peer.groups, *admin_group_) != peer.groups.end();
    if (peer.uid == 0 || in_admin_group)
        return {.role = Role::admin, .tenant = {}, .session = {}};
    const auto tenant = tenant_users_.find(peer.uid);
    if (tenant == tenant_users_.end()) {
        throw Error(Errc::denied, "user " + std::to_string(peer.uid) + " has no role here",
                    "Let an admin list the user in a tenant's file, or send a token.");
    }
    return {.role = Role::tenant, .tenant = tenant->second, .session = {}};
}

Caller Authenticator::authenticate(const Request& request, const Peer& peer) const {
    const auto authorization = request.header("authorization");
    if (authorization) {
        const auto token = bearer_token(*authorization);
        if (!token)
            throw no_credentials("the Authorization header is not `Bearer TOKEN`");
        return by_token(*token);
    }
    if (peer.local)
        return by_user(peer);
    throw no_credentials("the request has no Authorization header");
}

} // namespace sandbox::api
