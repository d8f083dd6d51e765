#pragma once

#include "api/http/message.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::api {

/// The digests that a request says its body has: Content-Digest and Repr-Digest (RFC 9530) with sha-256 and
/// sha-512, and the old Content-MD5.
class BodyDigest {
  public:
    /// Throws Error invalid_argument for one that is malformed, or that cannot be looked at here: to take the
    /// body all the same would pass over what the caller asked for.
    explicit BodyDigest(const Request& request);
    ~BodyDigest();
    BodyDigest(const BodyDigest&) = delete;
    BodyDigest& operator=(const BodyDigest&) = delete;

    void add(std::string_view piece);
    /// After the whole body. Throws Error invalid_argument where it is another one.
    void check() const;

  private:
    struct Wanted;
    void want(const std::string& field, const std::string& algorithm, std::string_view base64);
    void want_list(const std::string& field, std::string_view text);
    std::vector<std::unique_ptr<Wanted>> wanted_;
};

} // namespace sandbox::api
