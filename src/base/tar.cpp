#include "sandbox/base/tar.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <cstdio>
#include <numeric>

namespace sandbox {
namespace {

void set_octal(std::string& header, std::size_t at, int digits, std::uint64_t value) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
    header.replace(at, static_cast<std::size_t>(digits), text.data());
}

} // namespace

std::string tar_header(const std::string& name, std::uint64_t size, std::int64_t modified) {
    if (name.size() > 100 || size >= std::uint64_t{8} << 30)
        throw Error(Errc::too_large, name + " does not fit into a tar archive", "Give it a shorter name.");
    std::string header(kTarBlock, '\0');
    header.replace(0, name.size(), name);
    set_octal(header, 100, 7, 0600);
    set_octal(header, 108, 7, 0); // root's, who alone restores it
    set_octal(header, 116, 7, 0);
    set_octal(header, 124, 11, size);
    set_octal(header, 136, 11, static_cast<std::uint64_t>(modified));
    header[156] = '0';
    header.replace(257, 8,
                   std::string("ustar\0"
                               "00",
                               8));
    header.replace(148, 8, 8, ' '); // as the sum wants it
    const std::uint64_t sum =
        std::accumulate(header.begin(), header.end(), std::uint64_t{0},
                        [](auto all, char c) { return all + static_cast<unsigned char>(c); });
    set_octal(header, 148, 6, sum);
    header[154] = '\0';
    return header;
}

std::string tar_padding(std::uint64_t size) {
    return std::string((kTarBlock - size % kTarBlock) % kTarBlock, '\0');
}

std::string tar_end() {
    return std::string(2 * kTarBlock, '\0');
}

} // namespace sandbox
