// Whole handshakes between OpenSSL's client and our context, in memory.
#include "node/security/server_tls.h"

#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>

#include "tests/fakes/certificates.h"
#include "tests/unit/node/security/folder.h"

namespace ferro::node::security {
namespace {

using fakes::CertificateOptions;
using fakes::make_authority;
using fakes::make_certificate;
using fakes::make_leaf;
using fakes::Pem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct SslDeleter {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, SslDeleter>;

struct ClientOptions {
  std::string trusted;               // PEM of the authority; empty = verify nothing
  const Pem* certificate = nullptr;  // to show
  int version_max = 0;               // 0 = any
  const char* ciphers = nullptr;
  std::string alpn;  // as on the wire
};

struct Handshake {
  bool done = false;
  std::string version, cipher, alpn, fingerprint;
  bool resumable = false;
  size_t certificates_sent = 0;
};

Owned<BIO> bio_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<SSL_CTX> client_context(const ClientOptions& options) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);  // so that it is the server who refuses old versions
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), options.version_max);
  if (options.ciphers != nullptr) {
    EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), options.ciphers), 1);
  }
  if (!options.trusted.empty()) {
    const Owned<X509> authority(PEM_read_bio_X509(bio_of(options.trusted).get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (options.certificate != nullptr) {
    const Owned<X509> own(
        PEM_read_bio_X509(bio_of(options.certificate->certificate).get(), nullptr, nullptr, nullptr));
    const Owned<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio_of(options.certificate->key).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context.get(), own.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
  }
  return context;
}

// One byte to and fro after the handshake: in TLS 1.3 the client learns only then that it was refused.
bool exchange_byte(SSL* from, SSL* to) {
  char byte = 'x';
  if (SSL_write(from, &byte, 1) != 1) return false;
  return SSL_read(to, &byte, 1) == 1 && byte == 'x';
}

Handshake shake_hands(boost::asio::ssl::context& server_context, const ClientOptions& options) {
  const Owned<SSL_CTX> context = client_context(options);
  const Owned<SSL> server(SSL_new(server_context.native_handle())), client(SSL_new(context.get()));
  BIO *server_end = nullptr, *client_end = nullptr;
  EXPECT_EQ(BIO_new_bio_pair(&server_end, 0, &client_end, 0), 1);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_bio(client.get(), client_end, client_end);
  if (!options.alpn.empty()) {
    SSL_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
  }
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  bool client_done = false, server_done = false;
  for (int step = 0; step < 20 && !(client_done && server_done); ++step) {
    client_done = SSL_do_handshake(client.get()) == 1;
    server_done = SSL_do_handshake(server.get()) == 1;
  }
  Handshake result;
  result.done = client_done && server_done && exchange_byte(client.get(), server.get()) &&
                exchange_byte(server.get(), client.get());
  ERR_clear_error();
  if (!result.done) return result;
  result.version = SSL_get_version(client.get());
  result.cipher = SSL_get_cipher_name(client.get());
  const Owned<X509> shown(SSL_get1_peer_certificate(client.get()));
  result.fingerprint = crypto::facts_of(*shown).fingerprint_sha256;
  result.certificates_sent = static_cast<size_t>(sk_X509_num(SSL_get_peer_cert_chain(client.get())));
  result.resumable = SSL_SESSION_is_resumable(SSL_get0_session(client.get())) == 1;
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(client.get(), &alpn, &alpn_size);
  if (alpn_size > 0) result.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  return result;
}

class Tls : public InFolder {
 protected:
  void SetUp() override {
    InFolder::SetUp();
    authority_ = make_authority("test authority");
    leaf_ = make_leaf("node-1", authority_);
    store(leaf_);
  }
  void store(const Pem& pem) const {
    write("tls.crt", pem.certificate);
    write("tls.key", pem.key);
  }
  TlsFiles files(bool with_client_ca = false) const {
    return {path("tls.crt"), path("tls.key"), with_client_ca ? path("ca.crt") : ""};
  }
  std::unique_ptr<ServerTls> opened(bool with_client_ca = false) const {
    auto tls = ServerTls::open(files(with_client_ca));
    EXPECT_TRUE(tls.ok()) << tls.status().message();
    return tls.ok() ? *std::move(tls) : nullptr;
  }
  static std::string fingerprint_of(const Pem& pem) {
    return crypto::facts_of_pem(pem.certificate).value().fingerprint_sha256;
  }
  ClientOptions trusting() const {
    ClientOptions options;
    options.trusted = authority_.certificate;
    return options;
  }

  Pem authority_, leaf_;
};

TEST_F(Tls, ServesItsCertificate) {
  const auto tls = opened();
  const Handshake shaken = shake_hands(*tls->current(), trusting());
  ASSERT_TRUE(shaken.done);
  EXPECT_EQ(shaken.version, "TLSv1.3");
  EXPECT_EQ(shaken.fingerprint, fingerprint_of(leaf_));
  EXPECT_EQ(tls->certificate().fingerprint_sha256, fingerprint_of(leaf_));
  EXPECT_EQ(tls->certificate().subject, "CN=node-1");
  EXPECT_NEAR(static_cast<double>(tls->certificate().not_after_unix),
              static_cast<double>(std::time(nullptr) + 3600), 60);
}

TEST_F(Tls, SendsTheWholeChain) {
  CertificateOptions between;
  between.common_name = "intermediate";
  between.is_authority = true;
  between.issuer = &authority_;
  const Pem intermediate = make_certificate(between);
  const Pem leaf = make_leaf("node-1", intermediate);
  store({leaf.certificate + intermediate.certificate, leaf.key});
  const Handshake shaken = shake_hands(*opened()->current(), trusting());
  EXPECT_TRUE(shaken.done);
  EXPECT_EQ(shaken.certificates_sent, 2U);
}

TEST_F(Tls, OldVersionsAndWeakCiphersAreRefused) {
  const auto tls = opened();
  ClientOptions client = trusting();
  client.version_max = TLS1_2_VERSION;
  const Handshake v12 = shake_hands(*tls->current(), client);
  ASSERT_TRUE(v12.done);
  EXPECT_EQ(v12.version, "TLSv1.2");
  EXPECT_THAT(v12.cipher, AllOf(HasSubstr("ECDHE"), testing::AnyOf(HasSubstr("GCM"), HasSubstr("CHACHA20"))));
  client.ciphers = "ECDHE+AES:!AESGCM";  // CBC
  EXPECT_FALSE(shake_hands(*tls->current(), client).done);
  client.ciphers = "kRSA+AESGCM";  // no forward secrecy
  EXPECT_FALSE(shake_hands(*tls->current(), client).done);
  for (const int version : {TLS1_1_VERSION, TLS1_VERSION}) {
    client = trusting();
    client.version_max = version;
    EXPECT_FALSE(shake_hands(*tls->current(), client).done);
  }
}

TEST_F(Tls, NoResumption) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientOptions client = trusting();
    client.version_max = version;
    const Handshake shaken = shake_hands(*opened()->current(), client);
    ASSERT_TRUE(shaken.done);
    EXPECT_FALSE(shaken.resumable) << version;
  }
}

TEST_F(Tls, PicksHttp11WhenProtocolsAreNamed) {
  const auto tls = opened();
  ClientOptions client = trusting();
  client.alpn = std::string("\x02h2\x08http/1.1");
  EXPECT_EQ(shake_hands(*tls->current(), client).alpn, "http/1.1");
  client.alpn = std::string("\x02h2");
  const Handshake other = shake_hands(*tls->current(), client);
  EXPECT_TRUE(other.done);
  EXPECT_EQ(other.alpn, "");
}

TEST_F(Tls, ClientCertificatesAreDemandedWhenAnAuthorityIsNamed) {
  const Pem other_authority = make_authority("other authority");
  write("ca.crt", authority_.certificate + other_authority.certificate);
  const auto tls = opened(true);
  const Pem known = make_leaf("client", authority_), known_too = make_leaf("client", other_authority);
  const Pem stranger_authority = make_authority("test authority");  // same name, another key
  const Pem stranger = make_leaf("client", stranger_authority);
  CertificateOptions expired;
  expired.issuer = &authority_;
  expired.valid_from_now_seconds = -7200;
  expired.valid_until_from_now_seconds = -3600;
  const Pem old = make_certificate(expired);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientOptions client = trusting();
    client.version_max = version;
    EXPECT_FALSE(shake_hands(*tls->current(), client).done);
    for (const Pem* good : {&known, &known_too}) {
      client.certificate = good;
      EXPECT_TRUE(shake_hands(*tls->current(), client).done);
    }
    for (const Pem* bad : {&stranger, &old}) {
      client.certificate = bad;
      EXPECT_FALSE(shake_hands(*tls->current(), client).done);
    }
  }
}

TEST_F(Tls, FilesThatDoNotFitRefuseTheStartByName) {
  const auto error = [&](bool with_client_ca = false) {
    const auto tls = ServerTls::open(files(with_client_ca));
    EXPECT_FALSE(tls.ok());
    const std::string message = tls.ok() ? "" : tls.status().message();
    EXPECT_THAT(message, Not(HasSubstr("BEGIN")));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  };
  write("tls.key", make_leaf("node-1", authority_).key);
  EXPECT_THAT(error(),
              AllOf(HasSubstr(path("tls.key")), HasSubstr("does not belong"), HasSubstr(path("tls.crt"))));
  write("tls.key", "not a key");
  EXPECT_THAT(error(), AllOf(HasSubstr("http.tls"), HasSubstr(path("tls.key"))));
  CertificateOptions encrypted;
  encrypted.encrypt_key = true;
  store(make_certificate(encrypted));  // and must not ask for the password on the terminal
  EXPECT_THAT(error(), AllOf(HasSubstr(path("tls.key")), HasSubstr("password")));
  store(leaf_);
  write("tls.crt", "");
  EXPECT_THAT(error(), AllOf(HasSubstr(path("tls.crt")), HasSubstr("no certificate")));
  write("tls.crt", leaf_.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(error(), AllOf(HasSubstr(path("tls.crt")), HasSubstr("does not parse")));
  store(leaf_);
  EXPECT_THAT(error(true), HasSubstr(path("ca.crt")));  // missing
  write("ca.crt", "nothing");
  EXPECT_THAT(error(true), HasSubstr(path("ca.crt")));
  std::filesystem::remove(path("tls.key"));
  EXPECT_THAT(error(), HasSubstr(path("tls.key")));
}

TEST_F(Tls, ReloadsInPlaceAndOldContextsGoOn) {
  const auto tls = opened();
  const auto before = tls->current();
  EXPECT_FALSE(tls->poll().value());

  const Pem renewed = make_leaf("node-1", authority_);
  replace("tls.crt", renewed.certificate);
  EXPECT_THAT(tls->poll().status().message(), HasSubstr("does not belong"));  // the key is still to come
  EXPECT_TRUE(tls->last_poll_failed());
  EXPECT_EQ(tls->current(), before);
  EXPECT_EQ(tls->certificate().fingerprint_sha256, fingerprint_of(leaf_));
  replace("tls.key", renewed.key);
  EXPECT_TRUE(tls->poll().value());
  EXPECT_FALSE(tls->last_poll_failed());
  EXPECT_EQ(tls->certificate().fingerprint_sha256, fingerprint_of(renewed));
  EXPECT_EQ(shake_hands(*tls->current(), trusting()).fingerprint, fingerprint_of(renewed));
  EXPECT_EQ(shake_hands(*before, trusting()).fingerprint, fingerprint_of(leaf_));

  std::filesystem::remove(path("tls.crt"));
  EXPECT_THAT(tls->poll().status().message(), HasSubstr(path("tls.crt")));
  EXPECT_TRUE(tls->last_poll_failed());
  EXPECT_TRUE(shake_hands(*tls->current(), trusting()).done);
  replace("tls.crt", renewed.certificate);
  EXPECT_FALSE(tls->poll().value());
  EXPECT_FALSE(tls->last_poll_failed());
}

TEST_F(Tls, ANewClientAuthorityComesIntoForce) {
  const Pem next = make_authority("next authority");
  write("ca.crt", authority_.certificate);
  const auto tls = opened(true);
  const Pem client_certificate = make_leaf("client", next);
  ClientOptions client = trusting();
  client.certificate = &client_certificate;
  EXPECT_FALSE(shake_hands(*tls->current(), client).done);
  replace("ca.crt", authority_.certificate + next.certificate);
  EXPECT_TRUE(tls->poll().value());
  EXPECT_TRUE(shake_hands(*tls->current(), client).done);
  replace("ca.crt", authority_.certificate);
  EXPECT_TRUE(tls->poll().value());
  EXPECT_FALSE(shake_hands(*tls->current(), client).done);
}

}  // namespace
}  // namespace ferro::node::security
