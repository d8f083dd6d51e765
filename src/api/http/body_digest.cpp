#include "api/http/body_digest.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

namespace sandbox::api {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& what, const std::string& cure) {
    throw Error(Errc::invalid_argument, field + ": " + what, cure, field);
}

const EVP_MD* algorithm_of(std::string_view name) {
    if (name == "sha-256")
        return ::EVP_sha256();
    if (name == "sha-512")
        return ::EVP_sha512();
    return name == "md5" ? ::EVP_md5() : nullptr;
}

std::string from_base64(std::string_view text, const std::string& field) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    const int size = text.size() > 128 || text.size() % 4 != 0
                         ? -1
                         : ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                             reinterpret_cast<const unsigned char*>(text.data()),
                                             static_cast<int>(text.size()));
    if (size < 0)
        refuse(field, "the digest is not base64", "Send it as base64, with its padding.");
    const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
    bytes.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, 2));
    return bytes;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
    return begin == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

} // namespace

struct BodyDigest::Wanted {
    std::string field, digest;
    const EVP_MD* algorithm = nullptr;
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{::EVP_MD_CTX_new(), &::EVP_MD_CTX_free};
};

BodyDigest::BodyDigest(const Request& request) {
    if (request.header("digest"))
        refuse("Digest", "this header is obsolete, and not looked at", "Send Content-Digest (RFC 9530).");
    const std::string trailers = request.header("trailer").value_or("");
    if (trailers.find("igest") != std::string::npos || trailers.find("MD5") != std::string::npos)
        refuse("Trailer", "a digest behind the body is not looked at", "Send it before, as a header.");
    if (const auto md5 = request.header("content-md5"))
        want("Content-MD5", "md5", trimmed(*md5));
    want_list("Content-Digest", request.header("content-digest").value_or(""));
    want_list("Repr-Digest", request.header("repr-digest").value_or(""));
}

BodyDigest::~BodyDigest() = default;

/// `sha-256=:BASE64:, sha-512=:BASE64:`
void BodyDigest::want_list(const std::string& field, std::string_view text) {
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view one = trimmed(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        const std::size_t equals = one.find("=:");
        if (equals == std::string_view::npos || one.size() < equals + 3 || one.back() != ':')
            refuse(field, "this is not a digest of RFC 9530", "Send sha-256=:BASE64:.");
        want(field, std::string(one.substr(0, equals)), one.substr(equals + 2, one.size() - equals - 3));
    }
}

void BodyDigest::want(const std::string& field, const std::string& algorithm, std::string_view base64) {
    const EVP_MD* known = algorithm_of(algorithm);
    if (known == nullptr || (algorithm == "md5") != (field == "Content-MD5"))
        refuse(field, "the algorithm " + algorithm.substr(0, 40) + " is not known here",
               "Send sha-256 or sha-512.");
    // Each is worked out over the whole body: so there are no more than fields and algorithms.
    if (std::ranges::any_of(wanted_,
                            [&](const auto& one) { return one->field == field && one->algorithm == known; }))
        refuse(field, "there are two digests of " + algorithm, "Send one of each algorithm.");
    auto wanted = std::make_unique<Wanted>();
    wanted->field = field;
    wanted->algorithm = known;
    wanted->digest = from_base64(base64, field);
    if (wanted->digest.size() != static_cast<std::size_t>(::EVP_MD_size(known)))
        refuse(field, "the digest has not the length of " + algorithm, "Send all of it, as base64.");
    if (!wanted->context || ::EVP_DigestInit_ex(wanted->context.get(), known, nullptr) != 1)
        refuse(field, "this host's OpenSSL does not have " + algorithm, "Send sha-256.");
    wanted_.push_back(std::move(wanted));
}

void BodyDigest::add(std::string_view piece) {
    for (const auto& wanted : wanted_)
        ::EVP_DigestUpdate(wanted->context.get(), piece.data(), piece.size());
}

void BodyDigest::check() const {
    for (const auto& wanted : wanted_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        ::EVP_DigestFinal_ex(wanted->context.get(), digest.data(), &size);
        if (wanted->digest != std::string_view(reinterpret_cast<const char*>(digest.data()), size))
            refuse(wanted->field, "the body that came has another digest",
                   "It was changed on its way, or is another file: send it again.");
    }
}

} // namespace sandbox::api
