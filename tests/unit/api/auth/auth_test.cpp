#include "api/auth/auth.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::api;

namespace {

/// A site with users and groups of its own.
struct Site {
    Site() {
        std::string name = (std::filesystem::temp_directory_path() / "auth-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw_errno("mkdtemp");
        dir = name;
        passwd = (dir / "passwd").string();
        group = (dir / "group").string();
        std::ofstream(passwd) << "root:x:0:0::/:/bin/sh\nanna:x:4001:4001::/:/bin/sh\n";
        std::ofstream(group) << "root:x:0:\nkeepers:x:5001:anna\n";
        site.admin_group = "keepers";
        site.admin_token_hashes = {sha256_hex("admin-token")};
        acme.name = "acme";
        acme.users = {"anna", "4002", "nobody-there"};
        acme.token_hashes = {sha256_hex("old-token"), sha256_hex("acme-token")};
        other.name = "other";
        other.users = {"4001", "4003"};
        other.token_hashes = {sha256_hex("other-token")};
    }
    ~Site() {
        std::error_code ignored;
        std::filesystem::remove_all(dir, ignored);
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    Authenticator authenticator() const {
        const auto session_of = [](const std::string& token) -> std::optional<std::string> {
            if (token == "session-token")
                return "abcdefghijklmnop";
            return std::nullopt;
        };
        const auto api_token_of = [this](const std::string& token) -> std::optional<manager::ApiToken> {
            if (token == "api-token")
                return api_token;
            return std::nullopt;
        };
        return {site, {acme, other}, session_of, api_token_of, passwd, group};
    }
    Caller caller(const Peer& peer, const std::string& authorization = "") const {
        Request request;
        if (!authorization.empty())
            request.headers.emplace_back("authorization", authorization);
        return authenticator().authenticate(request, peer);
    }
    Errc refusal(const Peer& peer, const std::string& authorization = "") const {
        try {
            caller(peer, authorization);
        } catch (const Error& error) {
            return error.code();
        }
        throw std::runtime_error("it was let in");
    }

    std::filesystem::path dir;
    std::string passwd, group;
    policy::Site site;
    policy::Tenant acme, other;
    manager::ApiToken api_token;
};

Peer local(uid_t uid, std::vector<gid_t> groups = {}) {
    return {.local = true, .uid = uid, .groups = std::move(groups)};
}

const Peer kRemote{};

} // namespace

TEST_CASE("root and members of the admin group are admins on the unix socket") {
    const Site site;
    CHECK(site.caller(local(0)).role == Role::admin);
    CHECK(site.caller(local(4999, {100, 5001})).role == Role::admin);
    CHECK(site.caller(local(4001, {5001})).role == Role::admin);
}

TEST_CASE("a user whom a tenant lists, by name or by number, is that tenant") {
    const Site site;
    for (const uid_t uid : {4001U, 4002U}) {
        const Caller caller = site.caller(local(uid, {100}));
        CHECK(caller.role == Role::tenant);
        CHECK(caller.tenant == "acme");
    }
    CHECK(site.caller(local(4003)).tenant == "other");
}

TEST_CASE("a local user of no tenant and of other groups is denied") {
    const Site site;
    CHECK(site.refusal(local(4999, {0, 100, 5002})) == Errc::denied);
}

TEST_CASE("where the admin group does not exist, group 0 is not taken for it") {
    Site site;
    site.site.admin_group = "no-such-group";
    CHECK(site.refusal(local(4999, {0, 5001})) == Errc::denied);
}

TEST_CASE("over TCP there is no role without a token, whatever uid the peer would have") {
    const Site site;
    CHECK(site.refusal(kRemote) == Errc::unauthenticated);
    CHECK(site.refusal({.local = false, .uid = 0, .groups = {5001}}) == Errc::unauthenticated);
}

TEST_CASE("a token is an admin's, a tenant's or a session's, and no other is let in") {
    const Site site;
    CHECK(site.caller(kRemote, "Bearer admin-token").role == Role::admin);
    const Caller tenant = site.caller(kRemote, "Bearer acme-token");
    CHECK(tenant.role == Role::tenant);
    CHECK(tenant.tenant == "acme");
    CHECK(site.caller(kRemote, "Bearer old-token").tenant == "acme");
    CHECK(site.caller(kRemote, "Bearer other-token").tenant == "other");
    const Caller session = site.caller(kRemote, "Bearer session-token");
    CHECK(session.role == Role::session);
    CHECK(session.session == "abcdefghijklmnop");
    CHECK(session.tenant.empty());
    CHECK(site.refusal(kRemote, "Bearer acme-tokem") == Errc::unauthenticated);
}

TEST_CASE("the hash of a token is not a token") {
    const Site site;
    CHECK(site.refusal(kRemote, "Bearer " + sha256_hex("admin-token")) == Errc::unauthenticated);
}

TEST_CASE("who sends a token on the unix socket is whom the token says, not whom the uid says") {
    const Site site;
    CHECK(site.caller(local(0), "Bearer acme-token").role == Role::tenant);
    CHECK(site.caller(local(4999), "Bearer admin-token").role == Role::admin);
    CHECK(site.refusal(local(0), "Bearer wrong") == Errc::unauthenticated);
}

TEST_CASE("an API token is who it says it is, while it holds and its tenant is there") {
    using manager::TokenRole;
    Site site;
    const auto caller = [&] { return site.caller(kRemote, "Bearer api-token"); };
    site.api_token.id = "tok_x";
    site.api_token.expires_at = std::chrono::system_clock::now() + std::chrono::hours(1);
    CHECK(caller().role == Role::monitor);
    CHECK(caller().token == "tok_x");
    CHECK(caller().expires_at == site.api_token.expires_at);
    site.api_token.role = TokenRole::admin;
    CHECK(caller().role == Role::admin);
    site.api_token.tenant = "acme";
    site.api_token.role = TokenRole::tenant;
    CHECK(caller().role == Role::tenant);
    CHECK(caller().tenant == "acme");
    site.api_token.role = TokenRole::session;
    site.api_token.session = "abcdefghijklmnop";
    CHECK(caller().role == Role::session);
    CHECK(caller().session == "abcdefghijklmnop");
    CHECK(caller().tenant.empty());

    site.api_token.tenant = "no_more";
    CHECK(site.refusal(kRemote, "Bearer api-token") == Errc::unauthenticated);
    site.api_token.tenant = "acme";
    site.api_token.revoked_at = site.api_token.expires_at;
    CHECK(site.refusal(kRemote, "Bearer api-token") == Errc::unauthenticated);
    site.api_token.revoked_at.reset();
    site.api_token.expires_at = std::chrono::system_clock::now();
    CHECK(site.refusal(kRemote, "Bearer api-token") == Errc::unauthenticated);
}

TEST_CASE("an Authorization header that is not Bearer and one token is refused") {
    const Site site;
    for (const char* header : {"admin-token", "Bearer", "Bearer ", "Bearer admin-token x",
                               "Beareradmin-token", "Basic OmFkbWluLXRva2Vu", "Token admin-token"}) {
        INFO(header);
        CHECK(site.refusal(local(0), header) == Errc::unauthenticated);
    }
}

TEST_CASE("users and groups are looked up in the given files alone; a number is itself") {
    const Site site;
    CHECK(look_up_user("anna", site.passwd) == uid_t{4001});
    CHECK(look_up_user("4711", site.passwd) == uid_t{4711});
    CHECK_FALSE(look_up_user("anna:x", site.passwd));
    CHECK_FALSE(look_up_user("", site.passwd));
    CHECK_FALSE(look_up_user("anna", site.passwd + ".absent"));
    CHECK(look_up_group("keepers", site.group) == gid_t{5001});
    CHECK(look_up_group("17", site.group) == gid_t{17});
    CHECK_FALSE(look_up_group("keeper", site.group));
    CHECK_FALSE(look_up_group("-1", site.group));
    CHECK_FALSE(look_up_group("4294967296", site.group));
}

TEST_CASE("the peer of a unix socket is the process at its other end, with all of its groups") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const UniqueFd one(ends[0]), two(ends[1]);
    const Peer peer = peer_of(one.get());
    CHECK(peer.local);
    CHECK(peer.uid == ::geteuid());
    CHECK(std::ranges::find(peer.groups, ::getegid()) != peer.groups.end());
    std::vector<gid_t> mine(static_cast<std::size_t>(::getgroups(0, nullptr)));
    REQUIRE(::getgroups(static_cast<int>(mine.size()), mine.data()) >= 0);
    for (const gid_t group : mine)
        CHECK(std::ranges::find(peer.groups, group) != peer.groups.end());
}

TEST_CASE("the peer of a TCP socket is remote") {
    const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(tcp);
    CHECK_FALSE(peer_of(tcp.get()).local);
}

TEST_CASE("what is no socket has no peer") {
    CHECK_THROWS_AS(peer_of(-1), Error);
}
