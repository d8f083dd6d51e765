#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox {

/// A size in bytes. Text form: a whole number, or one with a binary unit: `512M`, `4G`, `1.5G`, `64KiB`.
struct Bytes {
    std::uint64_t value = 0;

    auto operator<=>(const Bytes&) const = default;

    /// Throws Error invalid_argument on anything but a size from 0 to 2^63-1.
    static Bytes parse(std::string_view text);
    /// The shortest exact text: `4G`, `1536M`, `1000`.
    std::string text() const;
};

constexpr Bytes operator""_KiB(unsigned long long n) {
    return {static_cast<std::uint64_t>(n) << 10};
}
constexpr Bytes operator""_MiB(unsigned long long n) {
    return {static_cast<std::uint64_t>(n) << 20};
}
constexpr Bytes operator""_GiB(unsigned long long n) {
    return {static_cast<std::uint64_t>(n) << 30};
}

} // namespace sandbox
