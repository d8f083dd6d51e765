#include "api/transport/tls.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ssl = boost::asio::ssl;

namespace sandbox::api {
namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;
/// Of TLS 1.2 those with forward secrecy and authenticated encryption; 1.3 has no others.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

Error wrong(const std::string& field, const std::string& what, const std::string& cure) {
    return {Errc::invalid_argument, field + ": " + what, cure, field};
}

std::string mode_text(mode_t mode) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
    return text.data();
}

/// Who could put another file in its place, or read a key. Links are followed: that is how tools that renew
/// certificates leave them.
void check_trust(const struct stat& status, const std::string& path, const std::string& field,
                 bool is_secret) {
    if (!S_ISREG(status.st_mode))
        throw wrong(field, path + " is not a regular file", "Name a PEM file.");
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        throw wrong(field, path + " belongs to user " + std::to_string(status.st_uid),
                    "chown it to root, or to the user of sandboxd.");
    const mode_t forbidden = is_secret ? S_IWGRP | S_IRWXO : S_IWGRP | S_IWOTH;
    if ((status.st_mode & forbidden) != 0)
        throw wrong(field,
                    path + " has mode " + mode_text(status.st_mode) +
                        (is_secret
                             ? ": others than its owner and group may read it, or others than its owner "
                               "may change it"
                             : ": others than its owner may change it"),
                    is_secret ? "chmod 0640 " + path + ", with sandboxd's group, or 0600."
                              : "chmod 0644 " + path + ".");
}

/// Looked at and read by one descriptor: what was checked is what is used.
std::string read_checked(const std::string& path, const std::string& field, bool is_secret) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        throw_errno(field + ": cannot open " + path,
                    errno == ENOENT || errno == EACCES
                        ? "The user of sandboxd reads it: see whether it is there, and that user may."
                        : "");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        throw_errno(field + ": " + path);
    check_trust(status, path, field, is_secret);
    std::string text(kMaxFile, '\0');
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
        got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0)
            throw_errno(field + ": cannot read " + path);
    }
    text.resize(size);
    return text;
}

std::string reason_of(const boost::system::error_code& error) {
    ::ERR_clear_error(); // or the next one would be told of this one
    return error.message();
}

/// Clients will refuse it; the API is still of use to those that can renew it.
void warn_of_expiry(ssl::context& context, const std::string& path) {
    const X509* certificate = ::SSL_CTX_get0_certificate(context.native_handle());
    if (certificate != nullptr && ::X509_cmp_current_time(::X509_get0_notAfter(certificate)) < 0)
        log::error("the certificate " + path + " has expired: clients refuse it; renew it");
}

std::shared_ptr<ssl::context> make_context(const policy::SiteTls& files) {
    const std::string certificate = read_checked(files.certificate, "tls.certificate", false);
    std::string key = read_checked(files.key, "tls.key", true);
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    ::SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    ::SSL_CTX_set_options(native,
                          SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (::SSL_CTX_set_cipher_list(native, kCiphers) != 1)
        throw Error(Errc::unsupported, "this OpenSSL has none of the ciphers " + std::string(kCiphers));
    boost::system::error_code error;
    context->use_certificate_chain(boost::asio::buffer(certificate), error);
    if (error)
        throw wrong("tls.certificate", files.certificate + " is no PEM certificate: " + reason_of(error),
                    "Put the server's certificate first, and those of its authorities behind it.");
    // A passphrase would be asked for at a terminal that nobody sits at.
    context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); });
    context->use_private_key(boost::asio::buffer(key), ssl::context::pem, error);
    ::OPENSSL_cleanse(key.data(), key.size());
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
    if (error && (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) {
        ::ERR_clear_error();
        throw wrong("tls.key", files.key + " is not the key of " + files.certificate,
                    "Name a certificate and its own key.");
    }
    if (error)
        throw wrong("tls.key", files.key + " is no PEM key without a passphrase: " + reason_of(error),
                    "Use an unencrypted key, which only root and sandboxd may read.");
    warn_of_expiry(*context, files.certificate);
    return context;
}

} // namespace

Tls::Tls(policy::SiteTls files) : files_(std::move(files)), context_(make_context(files_)) {}

void Tls::reload() {
    context_ = make_context(files_);
}

} // namespace sandbox::api
