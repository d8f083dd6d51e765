#include "api/transport/tls.hpp"
#include "sandbox/base/error.hpp"
#include "unit/manager/world.hpp"

#include <filesystem>
#include <fstream>

#include <boost/asio/ssl/context.hpp>
#include <catch2/catch.hpp>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

using namespace sandbox;
using namespace sandbox::api;
using sandbox::test::error_of;
namespace fs = std::filesystem;

namespace {

struct Files {
    Files() { renew(); }

    /// Another certificate and key under the same names.
    void renew(const char* passphrase = nullptr) {
        EVP_PKEY* pair = ::EVP_EC_gen("P-256");
        X509* signed_by_itself = ::X509_new();
        ::X509_gmtime_adj(::X509_getm_notBefore(signed_by_itself), 0);
        ::X509_gmtime_adj(::X509_getm_notAfter(signed_by_itself), 3600);
        ::X509_set_pubkey(signed_by_itself, pair);
        REQUIRE(::X509_sign(signed_by_itself, pair, ::EVP_sha256()) > 0);
        std::FILE* file = std::fopen(certificate.c_str(), "we");
        REQUIRE(::PEM_write_X509(file, signed_by_itself) == 1);
        std::fclose(file);
        file = std::fopen(key.c_str(), "we");
        REQUIRE(::PEM_write_PrivateKey(file, pair, passphrase == nullptr ? nullptr : ::EVP_aes_128_cbc(),
                                       nullptr, 0, nullptr, const_cast<char*>(passphrase)) == 1);
        std::fclose(file);
        ::X509_free(signed_by_itself);
        ::EVP_PKEY_free(pair);
        allow(certificate, 0644);
        allow(key, 0600);
    }
    static void allow(const std::string& path, unsigned mode) {
        fs::permissions(path, static_cast<fs::perms>(mode));
    }
    Error refusal() const {
        return error_of([&] { Tls tls({certificate, key}); });
    }

    test::TempDir dir;
    std::string certificate = (dir.path / "cert.pem").string(), key = (dir.path / "key.pem").string();
};

} // namespace

TEST_CASE("a certificate and its key make a context, of TLS 1.2 and later") {
    const Files files;
    const Tls tls({files.certificate, files.key});
    CHECK(SSL_CTX_get_min_proto_version(tls.current()->native_handle()) == TLS1_2_VERSION);
    Files::allow(files.key, 0640);
    CHECK_NOTHROW(Tls({files.certificate, files.key}));
    const std::string link = (files.dir.path / "link.pem").string();
    fs::create_symlink(files.key, link);
    CHECK_NOTHROW(Tls({files.certificate, link}));
}

TEST_CASE("a key that others may read, or may have changed, is refused with its mode and the cure") {
    const Files files;
    for (const unsigned mode : {0644U, 0604U, 0660U, 0602U, 0601U}) {
        CAPTURE(mode);
        Files::allow(files.key, mode);
        const Error error = files.refusal();
        CHECK(error.code() == Errc::invalid_argument);
        CHECK(error.field() == "tls.key");
        CHECK_THAT(error.what(), Catch::Contains(files.key + " has mode 06"));
        CHECK_THAT(error.cure(), Catch::Contains("chmod"));
    }
    Files::allow(files.key, 0600);
    Files::allow(files.certificate, 0664);
    CHECK(files.refusal().field() == "tls.certificate");
}

TEST_CASE("what is no certificate, no key, a locked key, or another's key is refused, and says which") {
    Files files;
    SECTION("no certificate") {
        std::ofstream(files.certificate) << "hello";
        CHECK(files.refusal().field() == "tls.certificate");
    }
    SECTION("no key") {
        std::ofstream(files.key) << "hello";
        CHECK(files.refusal().field() == "tls.key");
    }
    SECTION("a key with a passphrase, which nobody is asked for") {
        files.renew("secret");
        CHECK(files.refusal().field() == "tls.key");
    }
    SECTION("another's key") {
        const Files others;
        fs::copy_file(others.key, files.key, fs::copy_options::overwrite_existing);
        const Error error = files.refusal();
        CHECK(error.field() == "tls.key");
        CHECK_THAT(error.what(), Catch::Contains("not the key of"));
    }
    SECTION("a folder, and a pipe that nobody writes to") {
        fs::remove(files.key);
        fs::create_directory(files.key);
        CHECK(files.refusal().field() == "tls.key");
        fs::remove(files.key);
        REQUIRE(::mkfifo(files.key.c_str(), 0600) == 0);
        CHECK(files.refusal().field() == "tls.key");
    }
    SECTION("nothing") {
        fs::remove(files.key);
        const Error error = files.refusal();
        CHECK(error.code() == Errc::not_found);
        CHECK_THAT(error.what(), Catch::Contains(files.key));
    }
}

TEST_CASE("a reload takes new files for new connections; one that fails changes nothing") {
    Files files;
    Tls tls({files.certificate, files.key});
    const auto first = tls.current();
    files.renew();
    tls.reload();
    const auto second = tls.current();
    CHECK(second != first);
    CHECK(::X509_cmp(::SSL_CTX_get0_certificate(first->native_handle()),
                     ::SSL_CTX_get0_certificate(second->native_handle())) != 0);
    std::ofstream(files.key) << "hello";
    CHECK_THROWS_AS(tls.reload(), Error);
    CHECK(tls.current() == second);
}
