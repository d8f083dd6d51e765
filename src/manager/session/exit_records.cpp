#include "manager/session/exit_records.hpp"

#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr std::size_t kForgottenAtOnce = 32;

} // namespace

asio::awaitable<void> forget_exit_records(ContextPtr context, std::vector<std::string> ids) {
    std::erase_if(ids, [&](const std::string& id) { return context->registry.live(id) != nullptr; });
    if (ids.empty())
        co_return;
    const bool stored = co_await flush(context);
    if (!stored || !context->launcher->connected())
        co_return;
    try {
        // Few at once: the launcher removes their logs, and serves nobody else meanwhile.
        while (!ids.empty()) {
            const std::size_t left = ids.size() - std::min(ids.size(), kForgottenAtOnce);
            protocol::Forget forget;
            forget.sessions.assign(ids.begin() + static_cast<std::ptrdiff_t>(left), ids.end());
            ids.resize(left);
            protocol::Request request(std::move(forget));
            co_await ask<protocol::Forgotten>(*context->launcher, std::move(request),
                                              context->tuning.answer_timeout);
        }
    } catch (const Error& error) {
        log::info(std::string("the launcher keeps last figures that are stored: ") + error.what());
    }
}

} // namespace sandbox::manager
