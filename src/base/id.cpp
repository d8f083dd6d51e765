#include "sandbox/base/id.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

namespace sandbox {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void fill_random(std::span<unsigned char> buffer) {
    // Up to 256 bytes are never cut short once the pool is initialised (getrandom(2)).
    if (::getrandom(buffer.data(), buffer.size(), 0) != static_cast<ssize_t>(buffer.size()))
        throw_errno("getrandom");
}

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

} // namespace

std::string new_session_id() {
    std::array<unsigned char, kSessionIdLength> random{};
    fill_random(random);
    std::string id;
    for (const unsigned char byte : random)
        id += kBase32[byte % 32];
    id[0] = kBase32[random[0] % 26];
    return id;
}

bool is_session_id(std::string_view text) {
    return text.size() == kSessionIdLength && text[0] >= 'a' && text[0] <= 'z' &&
           text.find_first_not_of(kBase32) == std::string_view::npos;
}

bool is_tenant_name(std::string_view text) {
    return !text.empty() && text.size() <= 32 &&
           std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '_'; });
}

bool is_policy_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && is_lower_or_digit(text[0]) &&
           std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-'; });
}

std::string new_token() {
    std::array<unsigned char, 33> random{};
    fill_random(std::span(random).first(32));
    std::string token;
    for (std::size_t i = 0; i < random.size(); i += 3) {
        const unsigned group = (unsigned{random[i]} << 16) | (unsigned{random[i + 1]} << 8) | random[i + 2];
        for (const unsigned shift : {18U, 12U, 6U, 0U})
            token += kBase64Url[(group >> shift) & 63];
    }
    token.resize(43);
    return token;
}

std::string sha256_hex(std::string_view data) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
    }
    return text;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sandbox
