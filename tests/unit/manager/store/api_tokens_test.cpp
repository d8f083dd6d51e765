#include "manager/store/api_tokens.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "world.hpp"

#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

const WallTime kNow = WallTime(1'700'000'000s);

NewToken of_tenant(const std::string& tenant, const std::string& made_by = {}) {
    NewToken asked;
    asked.role = TokenRole::tenant;
    asked.tenant = tenant;
    asked.made_by = made_by;
    asked.expires_at = kNow + 1h;
    return asked;
}

} // namespace

TEST_CASE("a token is found by its secret alone, of which only the hash is kept") {
    ApiTokens tokens;
    const ApiTokens::Made made = tokens.make(of_tenant("acme"), kNow);
    tokens.make(of_tenant("globex"), kNow);
    CHECK(made.secret.size() == 43); // 256 bits in base64url
    CHECK(made.record.hash == sha256_hex(made.secret));
    REQUIRE(tokens.of_secret(made.secret) != nullptr);
    CHECK(tokens.of_secret(made.secret)->token.id == made.record.token.id);
    CHECK(tokens.of_secret(made.record.hash) == nullptr);
    CHECK(tokens.of_secret("") == nullptr);
    CHECK(tokens.of_secret(made.secret.substr(1)) == nullptr);
}

TEST_CASE("a token's id is never a session's, nor the other way round") {
    ApiTokens tokens;
    const std::string id = tokens.make(of_tenant("acme"), kNow).record.token.id;
    CHECK(is_token_id(id));
    CHECK_FALSE(is_session_id(id));
    CHECK_FALSE(is_token_id(new_session_id()));
}

TEST_CASE("a token holds until its date, or until it is revoked") {
    ApiTokens tokens;
    const ApiToken token = tokens.make(of_tenant("acme"), kNow).record.token;
    CHECK(token.state(kNow) == TokenState::active);
    CHECK(token.state(token.expires_at - 1ms) == TokenState::active);
    CHECK(token.state(token.expires_at) == TokenState::expired);
    CHECK(tokens.revoke(token.id, kNow).size() == 1);
    CHECK(tokens.find(token.id)->token.state(kNow) == TokenState::revoked);
    CHECK(tokens.revoke(token.id, kNow + 1s).empty());
    CHECK(tokens.find(token.id)->token.revoked_at == kNow);
    CHECK(tokens.revoke("tok_nosuch", kNow).empty());
}

TEST_CASE("a revoked token takes those along that were made with it, and theirs, and no others") {
    ApiTokens tokens;
    const auto make = [&](const std::string& by) {
        return tokens.make(of_tenant("acme", by), kNow).record.token.id;
    };
    const std::string first = make(""), child = make(first), grandchild = make(child), other = make("");
    CHECK(tokens.revoke(first, kNow).size() == 3);
    CHECK(tokens.find(child)->token.revoked_at);
    CHECK(tokens.find(grandchild)->token.revoked_at);
    CHECK_FALSE(tokens.find(other)->token.revoked_at);
}

TEST_CASE("uses are noted once a minute") {
    ApiTokens tokens;
    const std::string id = tokens.make(of_tenant("acme"), kNow).record.token.id;
    CHECK(tokens.note_use(id, kNow));
    CHECK_FALSE(tokens.note_use(id, kNow + 1s));
    CHECK(tokens.note_use(id, kNow + 61s));
    CHECK(tokens.find(id)->token.last_used_at == std::chrono::floor<std::chrono::minutes>(kNow + 61s));
    CHECK_FALSE(tokens.note_use("tok_nosuch", kNow));
}

TEST_CASE("a tenant has so many active tokens and no more; those that ended do not count") {
    ApiTokens tokens;
    std::string last;
    for (std::size_t i = 0; i < ApiTokens::kMostActive; ++i)
        last = tokens.make(of_tenant("acme"), kNow).record.token.id;
    CHECK(error_of([&] { tokens.make(of_tenant("acme"), kNow); }).code() == Errc::quota);
    tokens.make(of_tenant("globex"), kNow);
    tokens.revoke(last, kNow);
    tokens.make(of_tenant("acme"), kNow);
}

TEST_CASE("those that ended long ago are dropped") {
    ApiTokens tokens;
    const std::string revoked = tokens.make(of_tenant("acme"), kNow).record.token.id;
    const std::string expires = tokens.make(of_tenant("acme"), kNow).record.token.id;
    tokens.revoke(revoked, kNow);
    CHECK(tokens.forget_old(kNow + ApiTokens::kKept).empty());
    CHECK(tokens.forget_old(kNow + ApiTokens::kKept + 1s) == std::vector<std::string>{revoked});
    CHECK(tokens.forget_old(kNow + ApiTokens::kKept + 2h) == std::vector<std::string>{expires});
    CHECK(tokens.list().empty());
}

TEST_CASE("tokens, their uses and their ends outlive the manager; no secret is on the disk") {
    World world;
    NewToken asked = of_tenant("acme");
    asked.name = "a name";
    asked.expires_at = std::chrono::system_clock::now() + 1h;
    const MadeToken kept = world.run(world.manager().make_token(asked));
    const MadeToken revoked = world.run(world.manager().make_token(asked));
    world.run(world.manager().revoke_token(revoked.token.id));
    REQUIRE(world.manager().use_token(kept.secret));
    world.run(world.manager().written());
    world.restart_manager();
    const auto found = world.manager().use_token(kept.secret);
    REQUIRE(found);
    CHECK(found->id == kept.token.id);
    CHECK(found->role == TokenRole::tenant);
    CHECK(found->tenant == "acme");
    CHECK(found->name == "a name");
    CHECK(found->created_at == kept.token.created_at);
    CHECK(found->expires_at == kept.token.expires_at);
    CHECK(found->last_used_at);
    CHECK(world.manager().use_token(revoked.secret)->revoked_at);
    CHECK(world.manager().tokens().size() == 2);

    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.dir.path)) {
        if (!entry.is_regular_file())
            continue;
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string content(std::istreambuf_iterator<char>(file), {});
        CHECK(content.find(kept.secret) == std::string::npos);
        files += content.find(sha256_hex(kept.secret)) != std::string::npos ? 1 : 0;
    }
    CHECK(files > 0); // the search finds what is there
}

TEST_CASE("a token that cannot be revoked as there is none is not found") {
    World world;
    CHECK(error_of([&] { world.run(world.manager().revoke_token("tok_nosuch")); }).code() == Errc::not_found);
}
