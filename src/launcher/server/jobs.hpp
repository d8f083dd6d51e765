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

struct Server::Pending {
    protocol::Launch request;
    Reply reply;
    Timeline timeline;
    std::optional<Blueprint> plan;
    std::unique_ptr<Construction> construction;
    BootClock::time_point deadline;
    bool done = false;
};

struct Server::Ender {
    Ender(Sandbox& ended, Duration grace) : sandbox(ended), ending(ended, grace) {}
    Sandbox& sandbox;
    Ending ending;
    std::vector<Reply> replies;
    bool done = false;
};

struct Server::Restarter {
    Restarter(Sandbox& restarted, Reply then)
        : sandbox(restarted),
          restarting(restarted),
          reply(std::move(then)) {}
    Sandbox& sandbox;
    Restarting restarting;
    Reply reply;
    bool done = false;
};

struct Server::Writer {
    Writer(const Sandbox& sandbox, const protocol::PutFile& request, UniqueFd source, Reply then)
        : writing(sandbox, request, std::move(source)),
          reply(std::move(then)) {}
    FileWriting writing;
    Reply reply;
    bool done = false;
};

} // namespace sandbox::launcher
