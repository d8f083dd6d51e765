#include "sandbox/base/id.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

/// 32 bytes as 43 characters; the 33rd is 0.
std::string token_text(const std::array<unsigned char, 33>& bytes) {
    std::string token;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const unsigned group = (unsigned{bytes[i]} << 16) | (unsigned{bytes[i + 1]} << 8) | bytes[i + 2];
        for (const unsigned shift : {18U, 12U, 6U, 0U})
            token += kBase64Url[(group >> shift) & 63];
    }
    token.resize(43);
    return token;
}

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest hmac_sha256(std::string_view key, std::string_view data) {
    Digest digest{};
    unsigned size = 0;
    if (::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data(),
               &size) == nullptr)
        throw Error(Errc::internal, "HMAC-SHA-256 failed");
    return digest;
}

std::string hex_text(const Digest& digest) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
    }
    return text;
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
    return token_text(random);
}

std::string derived_token(std::string_view secret, std::string_view name) {
    const auto digest = hmac_sha256(secret, name);
    std::array<unsigned char, 33> bytes{};
    std::ranges::copy(digest, bytes.begin());
    return token_text(bytes);
}

std::string sha256_hex(std::string_view data) {
    Digest digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
    return hex_text(digest);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) {
    return hex_text(hmac_sha256(key, data));
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sandbox
