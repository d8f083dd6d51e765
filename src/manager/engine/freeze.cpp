#include "manager/engine/freeze.hpp"

#include "manager/engine/reclaim.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/view.hpp"

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

[[noreturn]] void throw_file_comes(const Session& session) {
    throw Error(Errc::conflict, "a file comes into session " + session.id(), "Wait until it is there.",
                "state");
}

} // namespace

asio::awaitable<void> set_frozen(ContextPtr context, SessionPtr session, bool frozen, std::string why) {
    if ((session->state() == State::frozen) == frozen)
        co_return;
    if (!frozen)
        session->stop_reclaim(); // who thaws it does not wait for that
    protocol::Request request(protocol::Freeze{session->id(), frozen});
    co_await ask<protocol::Frozen>(*context->launcher, std::move(request), context->tuning.answer_timeout);
    // It may have begun to end meanwhile, which thaws it.
    if (!session->serves() || session->must_end())
        co_return;
    if (frozen && session->files_coming > 0) { // since it was asked for
        protocol::Request undo(protocol::Freeze{session->id(), false});
        co_await ask<protocol::Frozen>(*context->launcher, std::move(undo), context->tuning.answer_timeout);
        throw_file_comes(*session);
    }
    if (frozen)
        enter_frozen(context, session, why);
    else
        session->move_to(State::ready, why);
}

asio::awaitable<SessionView> freeze_on_request(ContextPtr context, SessionPtr session, bool frozen) {
    co_await until_serving(context, session);
    const async::FairSemaphore::Permit turn = session->turns.try_enter();
    if (!turn)
        throw Error(Errc::conflict, "session " + session->id() + " is busy",
                    "Wait until its requests are answered.", "state");
    if (frozen && session->files_coming > 0)
        throw_file_comes(*session);
    co_await set_frozen(context, session, frozen, "asked for");
    co_return view_of(*context, *session);
}

} // namespace sandbox::manager
