#pragma once

#include "sandbox/policy/site.hpp"

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
} // namespace boost::asio::ssl

namespace sandbox::api {

/// The certificate of the API and what it is served with: TLS 1.2 with forward secrecy and AEAD, and 1.3; no
/// renegotiation, no compression.
class Tls {
  public:
    /// Throws as `reload`.
    explicit Tls(policy::SiteTls files);

    /// Reads both files anew, for connections that come from then on. Throws Error, and keeps what it has:
    /// invalid_argument with the field `tls.certificate` or `tls.key` for a file that is none of the kind, or
    /// that others than root and this program's user may have changed or read; not_found, denied, io.
    void reload();

    std::shared_ptr<boost::asio::ssl::context> current() const { return context_; }

  private:
    const policy::SiteTls files_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace sandbox::api
