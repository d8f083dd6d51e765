#pragma once

#include "fake_engine.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/message.hpp"

#include <filesystem>
#include <string>

#include <boost/asio/io_context.hpp>
#include <sys/types.h>

namespace sandbox::test {

/// What a sandbox looks like to the manager: a process, a folder in place of its cgroup, logs, and an engine.
struct FakeSandbox {
    FakeSandbox(boost::asio::io_context& io, std::filesystem::path folder, const protocol::Launch& launch);
    ~FakeSandbox();
    FakeSandbox(const FakeSandbox&) = delete;
    FakeSandbox& operator=(const FakeSandbox&) = delete;

    /// sandbox-init starts ChimeraX again.
    void engine_starts();
    /// ChimeraX ends; sandbox-init stays.
    void engine_ends(protocol::ExitRecord record);
    /// All of it dies at once.
    void init_dies();
    void write(const std::string& file, const std::string& text) const;

    std::filesystem::path folder;     ///< cgroup files, and log/
    std::filesystem::path log_folder; ///< the same as log/; it stays until the end is forgotten
    FakeEngine engine;
    pid_t child = -1;
    UniqueFd pidfd;
    UniqueFd published; ///< its port's listening socket, once there is one
    protocol::Launched launched;
    protocol::Ended ended; ///< the answer to End
};

} // namespace sandbox::test
