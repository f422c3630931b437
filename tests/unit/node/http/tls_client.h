// OpenSSL's client over a test's socket: blocking, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/fakes/certificates.h"
#include "tests/unit/node/http/client.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace ferro::node::http {

class TlsClient {
 public:
  // Verifies no server; shows `own` if that is given.
  explicit TlsClient(uint16_t port, const fakes::Pem* own = nullptr);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  // False if the peer has ended the connection.
  bool send(std::string_view bytes);
  // The next answer; nullopt if the connection ended.
  std::optional<Answer> receive();
  // True if the server ends the connection with TLS's own closing note.
  bool is_closed_cleanly();
  // The common name in the server's certificate.
  std::string server_name() const;

 private:
  Client tcp_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool connected_;
  std::string received_;
};

}  // namespace ferro::node::http
