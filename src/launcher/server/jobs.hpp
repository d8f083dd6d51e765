#pragma once

// What the server keeps of a caller, and of each thing that takes more than one turn of its loop.
#include "launcher/operations/engine_restart.hpp"
#include "launcher/operations/write_file.hpp"
#include "launcher/server/server.hpp"

#include <deque>

namespace sandbox::launcher {

struct Server::Connection {
    struct Outgoing {
        std::string text;
        std::vector<UniqueFd> descriptors;
    };
    UniqueFd socket;
    std::deque<Outgoing> out;
    bool closed = false;

    void flush();
    void send(std::uint64_t id, protocol::Reply reply, const std::vector<int>& descriptors);
};

struct Server::LaunchJob {
    protocol::Launch request;
    Responder reply;
    Timeline timeline;
    std::optional<SandboxSpec> plan;
    std::unique_ptr<SandboxBuilder> builder;
    BootClock::time_point deadline;
    bool done = false;
};

struct Server::TeardownJob {
    TeardownJob(Sandbox& ended, Duration grace) : sandbox(ended), ending(ended, grace) {}
    Sandbox& sandbox;
    Teardown ending;
    std::vector<Responder> replies;
    bool done = false;
};

struct Server::RestartJob {
    RestartJob(Sandbox& restarted, Responder& then)
        : sandbox(restarted),
          restarting(restarted),
          reply(std::move(then)) {}
    Sandbox& sandbox;
    EngineRestart restarting;
    Responder reply;
    bool done = false;
};

struct Server::WriteJob {
    WriteJob(const Sandbox& sandbox, const protocol::PutFile& request, UniqueFd source, Responder& then)
        : writing(sandbox, request, std::move(source)),
          reply(std::move(then)) {}
    FileWriter writing;
    Responder reply;
    bool done = false;
};

} // namespace sandbox::launcher
