#include "ctl/http/connection.hpp"

#include "sandbox/base/error.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace asio = boost::asio;

namespace sandbox::ctl {
namespace {

asio::ssl::context trusting(const std::string& ca_file) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    ::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(asio::ssl::verify_peer);
    boost::system::error_code error;
    if (ca_file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(ca_file, error);
    if (error)
        throw Error(Errc::invalid_argument,
                    "no certificates of authorities in " +
                        (ca_file.empty() ? "the system's store" : ca_file) + ": " + error.message(),
                    "Name a PEM file of them by --ca-file.", "ca-file");
    return context;
}

std::string cure_of(long verdict) {
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "Renew the server's certificate.";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "See whether the clocks of both hosts are right.";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "Name the certificate of the authority that signed it by --ca-file.";
    default:
        return "Do not go on, unless you know why that is.";
    }
}

/// Nothing was sent yet: no token went to whoever that is.
Error refusal(const std::string& name, long verdict, bool is_other_name,
              const boost::system::error_code& why) {
    const std::string who = "the server that answers for " + name;
    if (is_other_name)
        return {Errc::denied, who + " shows a certificate of another name",
                "Call it by a name that its certificate has."};
    if (verdict != X509_V_OK)
        return {Errc::denied, who + " is not trusted: " + ::X509_verify_cert_error_string(verdict),
                cure_of(verdict)};
    return {Errc::unavailable, who + " does not speak TLS with this program: " + why.message(),
            "Is it http:// that it speaks, or is the port another one's?"};
}

} // namespace

asio::awaitable<void> Connection::secure(std::string name, std::string ca_file) {
    context_.emplace(trusting(ca_file));
    tls_.emplace(wire_, *context_);
    SSL* const native = tls_->native_handle();
    bool is_other_name = false;
    tls_->set_verify_callback([&](bool good, asio::ssl::verify_context& context) {
        const bool named = asio::ssl::host_name_verification(name)(good, context);
        is_other_name = is_other_name || (good && !named);
        return named;
    });
    boost::system::error_code no_address;
    asio::ip::make_address(name, no_address);
    if (no_address) // SNI is of names alone (RFC 6066, 3); the macro for this has a cast of C
        ::SSL_ctrl(native, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    const auto [failure] =
        co_await tls_->async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
    ::ERR_clear_error();
    if (failure == boost::beast::error::timeout)
        throw boost::system::system_error(failure);
    if (failure)
        throw refusal(name, ::SSL_get_verify_result(native), is_other_name, failure);
}

} // namespace sandbox::ctl
