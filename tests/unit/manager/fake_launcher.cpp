#include "fake_launcher.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace sandbox::test {
namespace {

using StatePtr = std::shared_ptr<FakeLauncher::State>;
using Connection = std::shared_ptr<UniqueFd>;

struct Answer {
    protocol::Reply reply;
    std::vector<UniqueFd> descriptors;
};

UniqueFd duplicate(int fd) {
    return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

Answer launched_answer(const FakeSandbox& sandbox) {
    Answer answer{sandbox.launched, {}};
    answer.descriptors.push_back(duplicate(sandbox.pidfd.get()));
    answer.descriptors.emplace_back(::open(sandbox.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return answer;
}

protocol::Failure unknown_session(const std::string& id) {
    return {Errc::not_found, "no sandbox " + id, "", "session"};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Launch launch) {
    if (launch.policy == "probe" && !state->takes_probes)
        co_return Answer{protocol::Failure{Errc::denied, "no probes here", "", "policy"}, {}};
    state->launches.push_back(launch);
    state->most_launching = std::max(state->most_launching, ++state->launching);
    state->changed.notify();
    while (state->holds_launches)
        co_await state->changed.wait();
    --state->launching;
    if (state->refuse_launch) {
        if (auto failure = state->refuse_launch(launch))
            co_return Answer{*failure, {}};
    }
    auto made = std::make_unique<FakeSandbox>(state->io, state->folder / launch.session, launch);
    FakeSandbox& sandbox = *made;
    state->sandboxes.emplace(launch.session, std::move(made));
    if (state->on_launched)
        state->on_launched(sandbox);
    co_return launched_answer(sandbox);
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::End end) {
    state->ends.push_back(end);
    state->changed.notify();
    while (state->holds_ends)
        co_await state->changed.wait();
    if (state->refuse_end) {
        if (auto failure = state->refuse_end(end))
            co_return Answer{*failure, {}};
    }
    const auto found = state->sandboxes.find(end.session);
    if (found == state->sandboxes.end()) {
        const auto words = state->last_words.find(end.session);
        if (words == state->last_words.end())
            co_return Answer{unknown_session(end.session), {}};
        co_return Answer{words->second, {}};
    }
    Answer answer{found->second->ended, {}};
    state->last_words.emplace(end.session, found->second->ended);
    state->sandboxes.erase(found);
    co_return answer;
}

std::uint16_t open_port(UniqueFd& socket) {
    socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(socket.get(), 16) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw_errno("a listening socket");
    return ::ntohs(address.sin_port);
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Publish publish) {
    if (state->refuses_publish)
        co_return Answer{protocol::Failure{Errc::capacity, "no port is free", "", ""}, {}};
    const auto found = state->sandboxes.find(publish.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(publish.session), {}};
    FakeSandbox& sandbox = *found->second;
    if (!sandbox.published)
        sandbox.launched.published_port = open_port(sandbox.published);
    Answer answer{protocol::Published{*sandbox.launched.published_port}, {}};
    answer.descriptors.push_back(duplicate(sandbox.published.get()));
    co_return answer;
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Inspect inspect) {
    if (!state->sandboxes.contains(inspect.session))
        co_return Answer{unknown_session(inspect.session), {}};
    co_return Answer{protocol::Inspected{R"({"seen":")" + inspect.session + "\"}"}, {}};
}

/// Two a page, so that paging is used.
asio::awaitable<Answer> answer_one(StatePtr state, protocol::List list) {
    ++state->lists;
    state->changed.notify();
    while (state->holds_lists)
        co_await state->changed.wait();
    protocol::Listed listed;
    for (const auto& [id, sandbox] : state->sandboxes) {
        if (id <= list.after)
            continue;
        if (listed.sessions.size() == 2) {
            listed.more = true;
            break;
        }
        listed.sessions.push_back(sandbox->launched);
    }
    for (const auto& [id, ended] : state->last_words)
        listed.ended.push_back(id);
    co_return Answer{listed, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Look look) {
    const auto found = state->sandboxes.find(look.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(look.session), {}};
    co_return Answer{found->second->ended, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Restart restart) {
    const auto found = state->sandboxes.find(restart.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(restart.session), {}};
    state->restarts.push_back(restart);
    found->second->engine_starts();
    if (state->on_restarted)
        state->on_restarted(*found->second);
    co_return Answer{found->second->launched, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Forget forget) {
    for (const std::string& id : forget.sessions) {
        state->last_words.erase(id);
        fs::remove_all(state->folder / "logs" / id);
    }
    state->changed.notify();
    co_return Answer{protocol::Forgotten{}, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Reload reload) {
    state->reloads.push_back(reload);
    if (state->refuse_reload)
        if (const auto failure = state->refuse_reload())
            co_return Answer{*failure, {}};
    co_return Answer{protocol::Reloaded{}, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Sweep sweep) {
    protocol::Swept swept{state->leftovers};
    if (!sweep.dry_run)
        state->leftovers.clear();
    co_return Answer{std::move(swept), {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Attach attach) {
    const auto found = state->sandboxes.find(attach.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(attach.session), {}};
    co_return launched_answer(*found->second);
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Freeze freeze) {
    const auto found = state->sandboxes.find(freeze.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(freeze.session), {}};
    state->freezes.push_back(freeze);
    co_return Answer{protocol::Frozen{freeze.frozen}, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::Reclaim reclaim) {
    const auto found = state->sandboxes.find(reclaim.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(reclaim.session), {}};
    state->reclaims.push_back(reclaim);
    Answer answer{protocol::Reclaimable{}, {}};
    answer.descriptors.emplace_back(
        ::open((found->second->folder / "memory.reclaim").c_str(), O_WRONLY | O_CLOEXEC));
    co_return answer;
}

/// Of any file the tag is "tag".
std::optional<protocol::Failure> failed_precondition(const protocol::Preconditions& only_if, bool is_there) {
    const auto names = [](const std::vector<std::string>& tags) {
        return std::ranges::any_of(tags, [](const auto& tag) { return tag == "*" || tag == "\"tag\""; });
    };
    if (only_if.if_match && !names(*only_if.if_match))
        return protocol::Failure{Errc::conflict, "another", "", "If-Match"};
    if (only_if.if_none_match && is_there && names(*only_if.if_none_match))
        return protocol::Failure{Errc::conflict, "it is there", "", "If-None-Match"};
    if (only_if.unmodified_since && *only_if.unmodified_since < 1000)
        return protocol::Failure{Errc::conflict, "it has changed", "", "If-Unmodified-Since"};
    return std::nullopt;
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::PutFile file,
                                   const std::vector<UniqueFd>& with) {
    if (!state->sandboxes.contains(file.session))
        co_return Answer{unknown_session(file.session), {}};
    std::string content(file.size, '\0');
    if (with.size() != 1 ||
        ::pread(with[0].get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
        co_return Answer{protocol::Failure{Errc::invalid_argument, "no whole file", "", ""}, {}};
    const std::string name = file.session + "/" + file.path;
    if (const auto failure = failed_precondition(file.only_if, state->files.contains(name)))
        co_return Answer{*failure, {}};
    while (state->holds_puts)
        co_await state->changed.wait();
    const bool created = state->files.insert_or_assign(name, content).second;
    co_return Answer{protocol::Stored{created, "new-tag"}, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::RemoveFile file) {
    if (state->files.erase(file.session + "/" + file.path) == 0)
        co_return Answer{protocol::Failure{Errc::not_found, "there is no file", "", "path"}, {}};
    co_return Answer{protocol::Removed{}, {}};
}

asio::awaitable<Answer> answer_one(StatePtr state, protocol::SetLimits limits) {
    const auto found = state->sandboxes.find(limits.session);
    if (found == state->sandboxes.end())
        co_return Answer{unknown_session(limits.session), {}};
    state->limits.push_back(limits);
    protocol::Launched& launched = found->second->launched;
    launched.memory_max = limits.memory_max.value_or(launched.memory_max);
    launched.cpus = limits.cpus ? limits.cpus : launched.cpus;
    launched.pids_max = limits.pids_max.value_or(launched.pids_max);
    co_return Answer{launched, {}};
}

/// Every file holds its own path, but for pictures.
asio::awaitable<Answer> answer_one(StatePtr state, protocol::OpenFile file) {
    if (!state->sandboxes.contains(file.session))
        co_return Answer{unknown_session(file.session), {}};
    while (file.list && state->holds_puts)
        co_await state->changed.wait();
    UniqueFd memory(::memfd_create("file", MFD_CLOEXEC));
    const std::string content = file.list ? R"({"entries":[],"truncated":false,"next":null})"
                                : state->contents.contains(file.path) ? state->contents.at(file.path)
                                : file.path.ends_with(".png")         ? "\x89PNG\r\n\x1a\n"
                                                                      : file.path;
    write_all(memory.get(), content, "file");
    Answer answer{protocol::Opened{content.size(), "tag"}, {}};
    answer.descriptors.push_back(std::move(memory));
    co_return answer;
}

asio::awaitable<void> answer_request(StatePtr state, Connection connection,
                                     protocol::Packet<protocol::Request> packet, std::vector<UniqueFd> with) {
    // Named: GCC 12 destroys temporaries of a larger expression around a co_await twice.
    asio::awaitable<Answer> answering = std::visit(
        [&]<typename Body>(Body& body) {
            if constexpr (std::is_same_v<Body, protocol::PutFile>)
                return answer_one(state, std::move(body), with);
            else
                return answer_one(state, std::move(body));
        },
        packet.body);
    Answer answer = co_await std::move(answering);
    if (!*connection)
        co_return;
    std::vector<int> descriptors;
    for (const UniqueFd& fd : answer.descriptors)
        descriptors.push_back(fd.get());
    const protocol::Packet<protocol::Reply> reply{packet.id, std::move(answer.reply)};
    protocol::send_packet(connection->get(), protocol::encode(reply), descriptors);
}

/// A duplicate, so that the socket can be shut down under it.
asio::awaitable<void> serve(StatePtr state, Connection connection) {
    asio::posix::stream_descriptor watch(state->io, duplicate(connection->get()).release());
    for (;;) {
        co_await watch.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::as_tuple(asio::use_awaitable));
        bool would_block = false;
        protocol::Received received = protocol::receive_packet(watch.native_handle(), &would_block);
        if (would_block)
            continue;
        if (received.text.empty())
            co_return;
        asio::co_spawn(state->io,
                       answer_request(state, connection, protocol::decode_request(received.text),
                                      std::move(received.descriptors)),
                       asio::detached);
    }
}

asio::awaitable<void> accept(StatePtr state, unsigned listening) {
    asio::posix::stream_descriptor watch(state->io, duplicate(state->listener.get()).release());
    while (state->listening == listening) {
        co_await watch.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::as_tuple(asio::use_awaitable));
        UniqueFd accepted(::accept4(watch.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!accepted && errno == EAGAIN) // what Asio was told of came from a descriptor that is closed
            continue;
        if (!accepted)
            co_return;
        auto connection = std::make_shared<UniqueFd>(std::move(accepted));
        state->connections.push_back(connection);
        asio::co_spawn(state->io, serve(state, connection), asio::detached);
    }
}

} // namespace

FakeLauncher::FakeLauncher(asio::io_context& io, fs::path folder)
    : state_(std::make_shared<State>(io, std::move(folder))) {
    listen();
}

FakeLauncher::~FakeLauncher() {
    stop_listening();
    disconnect();
    state_->sandboxes.clear();
}

void FakeLauncher::listen() {
    const std::string path = (state_->folder / "launcher.sock").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    fs::remove(path);
    state_->listener = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::bind(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(state_->listener.get(), 16) != 0)
        throw_errno("listening on " + path);
    asio::co_spawn(state_->io, accept(state_, ++state_->listening), asio::detached);
}

void FakeLauncher::stop_listening() {
    if (state_->listener)
        ::shutdown(state_->listener.get(), SHUT_RDWR);
    state_->listener.reset();
    ++state_->listening;
}

void FakeLauncher::disconnect() {
    for (const auto& weak : std::exchange(state_->connections, {})) {
        if (const auto connection = weak.lock()) {
            ::shutdown(connection->get(), SHUT_RDWR);
            connection->reset();
        }
    }
}

} // namespace sandbox::test
