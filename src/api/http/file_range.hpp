#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::api {

/// What a Range header asks for of a file (RFC 9110, 14): one range of bytes. Several, another unit, or what
/// is malformed count as none: the whole file is sent.
struct RangeAnswer {
    enum class Kind { whole, part, outside };
    Kind kind = Kind::whole;
    std::uint64_t first = 0, size = 0;

    /// `bytes 0-9/100`
    std::string text(std::uint64_t whole) const;
};

RangeAnswer find_range(std::string_view header, std::uint64_t size);

/// Whether `"a", W/"b"` or `*` names this quoted ETag; weakly, as If-None-Match compares.
bool lists_tag(std::string_view header, std::string_view quoted_tag);

} // namespace sandbox::api
