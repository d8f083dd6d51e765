// Files of a session's workspace: the launcher opens, writes and removes them, with the session's own rights.
#include "core.hpp"

#include <utility>

#include <fcntl.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// The launcher's own deadline for the child that writes, and a margin.
constexpr Duration kPutTime = std::chrono::seconds(70);

[[noreturn]] void throw_unexpected() {
    throw Error(Errc::internal, "the launcher's answer about a file is not one");
}

asio::awaitable<OpenedFile> open_by(CorePtr core, SessionPtr session, std::string path, bool list) {
    co_await until_made(core, session);
    session->note_activity();
    protocol::Request request(protocol::OpenFile{session->id(), std::move(path), list});
    LauncherAnswer answer = co_await core->launcher->call(std::move(request), core->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    const auto* opened = std::get_if<protocol::Opened>(&answer.reply);
    if (opened == nullptr || answer.descriptors.size() != 1)
        throw_unexpected();
    co_return OpenedFile{std::move(answer.descriptors[0]), opened->size, opened->tag};
}

/// Who writes into a frozen session's memory would be stopped with it. Nobody has the engine's turn then.
asio::awaitable<void> thaw(CorePtr core, SessionPtr session) {
    if (session->state() != State::frozen)
        co_return;
    const FifoGate::Permit turn = co_await session->turns.enter();
    co_await set_frozen(core, session, false, "a file comes");
}

} // namespace

asio::awaitable<OpenedFile> open_file(CorePtr core, SessionPtr session, std::string path) {
    return open_by(std::move(core), std::move(session), std::move(path), false);
}

asio::awaitable<OpenedFile> list_folder(CorePtr core, SessionPtr session, std::string path) {
    return open_by(std::move(core), std::move(session), std::move(path), true);
}

asio::awaitable<StoredFile> put_file(CorePtr core, SessionPtr session, NewFile file) {
    co_await until_made(core, session);
    session->note_activity();
    co_await thaw(core, session);
    protocol::Request request(
        protocol::PutFile{session->id(), std::move(file.path), file.size, std::move(file.replaces)});
    const LauncherAnswer answer =
        co_await core->launcher->call_with(std::move(request), std::move(file.content), kPutTime);
    session->note_activity();
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    const auto* stored = std::get_if<protocol::Stored>(&answer.reply);
    if (stored == nullptr)
        throw_unexpected();
    co_return StoredFile{stored->created, stored->tag};
}

asio::awaitable<void> remove_file(CorePtr core, SessionPtr session, std::string path, std::string replaces) {
    co_await until_made(core, session);
    session->note_activity();
    protocol::Request request(protocol::RemoveFile{session->id(), std::move(path), std::move(replaces)});
    co_await ask<protocol::Removed>(*core->launcher, std::move(request), core->tuning.answer_timeout);
}

} // namespace sandbox::manager
