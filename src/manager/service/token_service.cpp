#include "manager/service/token_service.hpp"

#include <utility>

#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {

asio::awaitable<MadeToken> make_token(CorePtr core, NewToken asked) {
    const WallTime now = std::chrono::system_clock::now();
    for (std::string& id : core->tokens.forget_old(now))
        core->store.forget_token(std::move(id));
    Tokens::Made made = core->tokens.make(std::move(asked), now);
    const std::string id = made.record.token.id;
    core->store.put_token(made.record);
    try {
        co_await core->store.committed();
    } catch (const Error&) {
        core->tokens.remove(id); // nobody has heard of it
        core->store.forget_token(id);
        throw;
    }
    co_return MadeToken{std::move(made.record.token), std::move(made.secret)};
}

asio::awaitable<ApiToken> revoke_token(CorePtr core, std::string id) {
    // In force from here on; the answer waits until no crash can bring it back.
    for (TokenRecord& record : core->tokens.revoke(id, std::chrono::system_clock::now()))
        core->store.put_token(std::move(record));
    const TokenRecord* record = core->tokens.find(id);
    if (record == nullptr)
        throw Error(Errc::not_found, "there is no such token", "GET /v1/tokens lists yours.", "id");
    ApiToken token = record->token;
    co_await core->store.committed();
    co_return token;
}

std::optional<ApiToken> use_token(Core& core, const std::string& secret) {
    const TokenRecord* record = core.tokens.of_secret(secret);
    if (record == nullptr)
        return std::nullopt;
    const WallTime now = std::chrono::system_clock::now();
    if (record->token.state(now) == TokenState::active && core.tokens.note_use(record->token.id, now))
        core.store.put_token(*record);
    return record->token;
}

} // namespace sandbox::manager
