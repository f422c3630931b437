// The server's TLS context (1.2+, modern ciphers), re-made in place when its files change: new connections get the new
// certificate, open ones go on. Thread rule: `current` from any thread, `poll` from one.
#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace ferro::node::security {

struct TlsFiles {
  std::string cert_path, key_path;
  std::string client_ca_path;  // set: clients must show a certificate of this CA
};

struct CertificateFacts {
  std::string fingerprint_sha256;  // hex of the DER
  int64_t not_after_unix = 0;
  std::string subject;
};

class ServerTls {
 public:
  // Checks that the files parse and that key and certificate belong together; the error names the file.
  static Result<std::unique_ptr<ServerTls>> open(TlsFiles files);

  std::shared_ptr<boost::asio::ssl::context> current() const;
  CertificateFacts certificate() const;
  // True when new files came into force; files that do not load keep the last good context and are the error.
  Result<bool> poll();
  bool last_poll_failed() const noexcept { return last_poll_failed_.load(); }

 private:
  ServerTls() = default;
  TlsFiles files_;
  std::string last_digest_;
  std::atomic<bool> last_poll_failed_{false};
  mutable std::mutex mutex_;  // guards the next two
  std::shared_ptr<boost::asio::ssl::context> context_;
  CertificateFacts facts_;
};

}  // namespace ferro::node::security
