#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sandbox {

// The parts of a tar archive (pax(1), "ustar Interchange Format"): for each file its header, its content and
// padding, and the end behind the last.

inline constexpr std::size_t kTarBlock = 512;

/// Of a file that is its owner's alone, and root's. `modified` is in seconds since 1970. Throws Error
/// too_large for a name of more than 100 bytes or a file of 8 GiB.
std::string tar_header(const std::string& name, std::uint64_t size, std::int64_t modified);

/// What fills a content of this size up to whole blocks.
std::string tar_padding(std::uint64_t size);

std::string tar_end();

} // namespace sandbox
