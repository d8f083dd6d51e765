#pragma once

#include "init/config.hpp"

#include <cstddef>

#include <sys/types.h>
#include <time.h>

namespace sandbox::init {

/// One run of ChimeraX: its process and this program's ends of its pipes.
struct Engine {
    pid_t pid = 0; ///< 0: none runs
    int stdin_fd = -1;
    int output_fds[2] = {-1, -1}; ///< of its stdout and stderr
    unsigned run = 0;             ///< counts from 1
    timespec started{};
};

/// Starts it inside payload/, where this program is itself until `leave_payload`. 0 or the errno of what
/// failed, with its name in `failed`.
int start_engine(Engine& engine, const Config& config, const char*& failed);

/// Moves this program into init/, once the first ChimeraX runs. False: an OOM kill would take both.
bool leave_payload();

/// Closes what is left of this program's ends.
void close_engine(Engine& engine);

/// Appends the line of the exit record for a wait status.
void write_record(const Engine& engine, int wait_status);

} // namespace sandbox::init
