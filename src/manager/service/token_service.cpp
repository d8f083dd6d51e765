#include "manager/service/token_service.hpp"

#include <utility>

#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {

asio::awaitable<MadeToken> make_token(ContextPtr context, NewToken asked) {
    const WallTime now = std::chrono::system_clock::now();
    for (std::string& id : context->tokens.forget_old(now))
        context->store.forget_token(std::move(id));
    ApiTokens::Made made = context->tokens.make(std::move(asked), now);
    const std::string id = made.record.token.id;
    context->store.put_token(made.record);
    try {
        co_await context->store.committed();
    } catch (const Error&) {
        context->tokens.remove(id); // nobody has heard of it
        context->store.forget_token(id);
        throw;
    }
    co_return MadeToken{std::move(made.record.token), std::move(made.secret)};
}

asio::awaitable<ApiToken> revoke_token(ContextPtr context, std::string id) {
    // In force from here on; the answer waits until no crash can bring it back.
    for (TokenRecord& record : context->tokens.revoke(id, std::chrono::system_clock::now()))
        context->store.put_token(std::move(record));
    const TokenRecord* record = context->tokens.find(id);
    if (record == nullptr)
        throw Error(Errc::not_found, "there is no such token", "GET /v1/tokens lists yours.", "id");
    ApiToken token = record->token;
    co_await context->store.committed();
    co_return token;
}

std::optional<ApiToken> use_token(Context& context, const std::string& secret) {
    const TokenRecord* record = context.tokens.of_secret(secret);
    if (record == nullptr)
        return std::nullopt;
    const WallTime now = std::chrono::system_clock::now();
    if (record->token.state(now) == TokenState::active && context.tokens.note_use(record->token.id, now))
        context.store.put_token(*record);
    return record->token;
}

} // namespace sandbox::manager
