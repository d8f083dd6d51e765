#pragma once

#include "fake_launcher.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/manager/manager.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace sandbox::test {

struct TempDir {
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::filesystem::path path;
};

/// What became of an awaitable that was started.
template <typename T>
struct Result {
    std::optional<T> value;
    std::exception_ptr failure;
    bool done() const { return value.has_value() || failure != nullptr; }
};

/// Everything around a manager, on one io_context: a site with three tenants, a launcher, engines.
/// Policies: `quick` (short times), `mortal` and `drowsy` (with clocks), `sturdy` and `impatient_sturdy` (two
/// restarts), `saving` (the same, with autosaves), `open` (publishes a port), `sealed` (allowed to nobody),
/// `rare` (2 sessions), `broken` (not TOML). Tenants: `acme` and `globex` (20 sessions), `tiny` (1 session,
/// quick).
class World {
  public:
    explicit World(const std::function<void(policy::Site&, manager::Tuning&)>& change = {},
                   bool with_launcher = true);
    ~World();

    manager::Manager& manager() { return *manager_; }
    /// The next manager on the same site; the one before has left without a word, as a killed one does.
    void restart_manager();
    void stop_manager() { manager_.reset(); }

    /// Runs the loop until the condition holds; fails the test after 20 s.
    void until(const std::function<bool()>& condition, const std::string& what);
    /// Lets everything happen that can happen now.
    void settle();

    template <typename T>
    std::shared_ptr<Result<T>> start(boost::asio::awaitable<T> what) {
        auto result = std::make_shared<Result<T>>();
        boost::asio::co_spawn(io, std::move(what), [result](const std::exception_ptr& failure, T value) {
            if (failure)
                result->failure = failure;
            else
                result->value = std::move(value);
        });
        return result;
    }

    /// Runs it to its end; throws what it threw.
    template <typename T>
    T run(boost::asio::awaitable<T> what) {
        const auto result = start(std::move(what));
        return finish(result);
    }
    void run(boost::asio::awaitable<void> what);

    template <typename T>
    T finish(const std::shared_ptr<Result<T>>& result) {
        until([&] { return result->done(); }, "a coroutine ends");
        if (result->failure)
            std::rethrow_exception(result->failure);
        return std::move(*result->value);
    }

    // The usual steps.
    manager::Created create(const std::string& tenant = "acme", const std::string& policy = "quick");
    manager::SessionView wait(const std::string& id, manager::State state);
    /// A session that is ready.
    manager::Created ready(const std::string& tenant = "acme", const std::string& policy = "quick");
    manager::SessionView ended(const std::string& id) { return wait(id, manager::State::ended); }
    /// Throws Error not_found.
    manager::FoundSession found(const std::string& id);
    boost::asio::awaitable<chimerax::RestReply> run_command(const std::string& id, const std::string& command,
                                                            Duration timeout = std::chrono::seconds(10));
    manager::State state(const std::string& id) { return manager_->get(id).state; }

    TempDir dir;
    boost::asio::io_context io;
    std::optional<FakeLauncher> launcher;

  private:
    policy::Site site_;
    manager::Tuning tuning_;
    std::unique_ptr<manager::Manager> manager_;
};

/// The error that it throws.
template <typename Action>
Error error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    throw std::runtime_error("it succeeded, but must not");
}

} // namespace sandbox::test
