#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "node/cluster/tcp/channel.h"

namespace ferro::node::cluster {
namespace {

constexpr size_t kRecordBytes = 16U << 10;  // the largest that TLS has

struct SslDeleter {
  void operator()(SSL* connection) const noexcept { SSL_free(connection); }
};

// By the alert that it has sent.
bool other_side_distrusts(int alert) noexcept {
  switch (alert) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return true;
    default:
      return false;
  }
}

class TlsChannel final : public Channel {
 public:
  // `tls` is kept: it holds the context.
  TlsChannel(std::unique_ptr<SSL, SslDeleter> connection,
             std::shared_ptr<const security::PeerTls::InForce> tls)
      : tls_(std::move(tls)), connection_(std::move(connection)) {}

  Need shake_hands() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(connection_.get());
    if (result == 1) return Need::nothing;
    return need_after(result);
  }

  Moved read(std::span<char> into) override {
    ERR_clear_error();
    size_t bytes = 0;
    const int result = SSL_read_ex(connection_.get(), into.data(), into.size(), &bytes);
    if (result == 1) return {bytes};
    return {0, need_after(result)};
  }

  // One record: small frames are put together, so that they share one, and one system call.
  Moved write(std::span<const std::string_view> parts) override {
    std::string_view record = parts.front();
    if (record.size() < kRecordBytes && parts.size() > 1) {
      size_t filled = 0;
      for (const std::string_view part : parts) {
        const size_t taken = std::min(part.size(), record_.size() - filled);
        std::memcpy(record_.data() + filled, part.data(), taken);
        filled += taken;
        if (filled == record_.size()) break;
      }
      record = {record_.data(), filled};
    }
    ERR_clear_error();
    size_t bytes = 0;
    const int result =
        SSL_write_ex(connection_.get(), record.data(), std::min(record.size(), kRecordBytes), &bytes);
    if (result == 1) return {bytes};
    return {0, need_after(result)};
  }

  void say_goodbye() override {
    ERR_clear_error();
    if (SSL_is_init_finished(connection_.get()) == 1) SSL_shutdown(connection_.get());
    ERR_clear_error();
  }

  std::string error() const override { return error_; }
  bool is_refusal() const noexcept override { return is_refusal_; }
  std::shared_ptr<const security::PeerCertificate> peer() const override {
    return security::PeerCertificate::of(*connection_);
  }

 private:
  Need need_after(int result) {
    const int reason = SSL_get_error(connection_.get(), result);
    switch (reason) {
      case SSL_ERROR_WANT_READ:
        return Need::readable;
      case SSL_ERROR_WANT_WRITE:
        return Need::writable;
      case SSL_ERROR_ZERO_RETURN:
        return Need::ended;
      default:
        break;
    }
    const int system_error = errno;
    is_refusal_ = reason == SSL_ERROR_SSL;
    if (const long verified = SSL_get_verify_result(connection_.get());
        verified != X509_V_OK && SSL_is_init_finished(connection_.get()) != 1) {
      error_ =
          std::string("the peer's certificate is not trusted: ") + X509_verify_cert_error_string(verified);
      ERR_clear_error();
    } else if (reason == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
      error_ = Status::from_errno(system_error, "the connection").message();
    } else {
      const bool distrusts = other_side_distrusts(ERR_GET_REASON(ERR_peek_error()));
      error_ = (distrusts ? "the other side does not trust this node's certificate: TLS: " : "TLS: ") +
               crypto::take_openssl_error();
    }
    return Need::failed;
  }

  const std::shared_ptr<const security::PeerTls::InForce> tls_;
  const std::unique_ptr<SSL, SslDeleter> connection_;
  std::array<char, kRecordBytes> record_;
  std::string error_;
  bool is_refusal_ = false;
};

}  // namespace

std::unique_ptr<Channel> make_tls_channel(int socket, std::shared_ptr<const security::PeerTls::InForce> tls,
                                          bool is_server) {
  std::unique_ptr<SSL, SslDeleter> connection(SSL_new(tls->context.get()));
  if (connection == nullptr || SSL_set_fd(connection.get(), socket) != 1) return nullptr;
  if (is_server) {
    SSL_set_accept_state(connection.get());
  } else {
    SSL_set_connect_state(connection.get());
  }
  return std::make_unique<TlsChannel>(std::move(connection), std::move(tls));
}

}  // namespace ferro::node::cluster
