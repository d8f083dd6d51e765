// Files of a session's workspace: the launcher opens, writes and removes them, with the session's own rights.
#include "manager/service/workspace_files.hpp"

#include "manager/engine/freeze.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/use.hpp"

#include <utility>

#include <fcntl.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Beyond the launcher's own deadline for the child that writes.
constexpr Duration kPutMargin = std::chrono::seconds(10);

[[noreturn]] void throw_unexpected() {
    throw Error(Errc::internal, "unexpected reply from the launcher about a file");
}

/// What the launcher cannot do for a session that has gone meanwhile is no fault of the path.
[[noreturn]] void throw_failure(const Session& session, const protocol::Failure& failure) {
    session.check_lives();
    throw protocol::to_error(failure);
}

asio::awaitable<OpenedFile> open_by(ContextPtr context, SessionPtr session, protocol::OpenFile asked) {
    const Use use(session);
    co_await until_made(context, session);
    async::FairSemaphore::Permit place;
    if (asked.list)
        place = co_await session->lists.enter();
    protocol::Request request(std::move(asked));
    LauncherAnswer answer =
        co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw_failure(*session, *failure);
    const auto* opened = std::get_if<protocol::Opened>(&answer.reply);
    if (opened == nullptr || answer.descriptors.size() != 1)
        throw_unexpected();
    co_return OpenedFile{std::move(answer.descriptors[0]), opened->size, opened->tag};
}

/// Whoever freezes the session sees that a file comes.
class Coming {
  public:
    explicit Coming(Session& session) : session_(session) { ++session_.files_coming; }
    Coming(const Coming&) = delete;
    Coming& operator=(const Coming&) = delete;
    ~Coming() { --session_.files_coming; }

  private:
    Session& session_;
};

/// Who writes into a frozen session's memory would be stopped with it. Nobody has the engine's turn then.
asio::awaitable<void> thaw(ContextPtr context, SessionPtr session) {
    if (session->state() != State::frozen)
        co_return;
    const async::FairSemaphore::Permit turn = co_await session->turns.enter();
    co_await set_frozen(context, session, false, "a file comes");
}

} // namespace

asio::awaitable<OpenedFile> open_file(ContextPtr context, SessionPtr session, std::string path) {
    protocol::OpenFile asked{session->id(), std::move(path), false};
    return open_by(std::move(context), std::move(session), std::move(asked));
}

asio::awaitable<OpenedFile> list_folder(ContextPtr context, SessionPtr session, std::string path,
                                        std::string after) {
    protocol::OpenFile asked{session->id(), std::move(path), true, std::move(after)};
    return open_by(std::move(context), std::move(session), std::move(asked));
}

asio::awaitable<StoredFile> put_file(ContextPtr context, SessionPtr session, NewFile file) {
    const Use use(session);
    co_await until_made(context, session);
    const async::FairSemaphore::Permit place = co_await session->puts.enter();
    const Coming coming(*session);
    co_await thaw(context, session);
    const Duration timeout = protocol::longest_put(file.size) + kPutMargin;
    protocol::Request request(
        protocol::PutFile{session->id(), std::move(file.path), file.size, std::move(file.only_if)});
    const LauncherAnswer answer =
        co_await context->launcher->call_with(std::move(request), std::move(file.content), timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw_failure(*session, *failure);
    const auto* stored = std::get_if<protocol::Stored>(&answer.reply);
    if (stored == nullptr)
        throw_unexpected();
    co_return StoredFile{stored->created, stored->tag};
}

asio::awaitable<void> remove_file(ContextPtr context, SessionPtr session, std::string path,
                                  protocol::Preconditions only_if) {
    const Use use(session);
    co_await until_made(context, session);
    protocol::Request request(protocol::RemoveFile{session->id(), std::move(path), std::move(only_if)});
    const LauncherAnswer answer =
        co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw_failure(*session, *failure);
    if (!std::holds_alternative<protocol::Removed>(answer.reply))
        throw_unexpected();
}

} // namespace sandbox::manager
