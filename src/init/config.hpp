#pragma once

#include <cstdint>

namespace sandbox::init {

/// sandbox-init's instructions, pointing into the text that it read from the launcher.
struct Config {
    std::uint64_t segment_bytes = 0;
    const char* cwd = nullptr;
    char* const* argv = nullptr;
    char* const* env = nullptr;
};

/// Reads them from `fd`. False when they are not whole and well-formed.
bool read_config(int fd, Config& config);

} // namespace sandbox::init
