#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace standin {

/// How a start goes wrong on demand.
enum class FailStart {
    none,
    bind,     ///< the REST server's bind fails; the process runs on without it
    crash,    ///< SIGSEGV before anything listens
    norender, ///< pictures cannot be made, as where libOSMesa is missing
    noport,   ///< the REST server is never started, and nothing says so
};

/// What tests set in the environment, as ChimeraX itself would refuse options that it does not know:
///   CHIMERAX_STANDIN_START_DELAY  `0.5s`, `500ms`: time until the start-up commands run (default: none)
///   CHIMERAX_STANDIN_RESIDENT     `88M`: resident memory that is held from the start on (default: none)
///   CHIMERAX_STANDIN_FAIL         `bind`, `crash`, `noport`, `norender`
struct Settings {
    std::chrono::milliseconds start_delay{0};
    std::uint64_t resident = 0;
    FailStart fail = FailStart::none;
};

/// Throws std::invalid_argument that names the variable.
Settings settings_from_environment();

/// `2G`, `64KiB`, `1000`: binary units. Nothing for anything else.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// `0.5s`, `500ms`, `2` (seconds), `1m`.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text);

} // namespace standin
