// The server's TLS context (1.2+, modern ciphers), re-made in place when its files change: new connections
// get the new certificate, open ones go on. docs/security.md, "TLS". Thread rule: `current` and `certificate`
// from any thread, `poll` from one.
#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"

namespace ferro::node::security {

struct TlsFiles {
  std::string cert_path, key_path;
  std::string client_ca_path;     // set: clients must show a certificate of this CA
  std::string what = "http.tls";  // whose they are, for errors
};

using CertificateFacts = crypto::CertificateFacts;

class ServerTls {
 public:
  // A certificate chain, a key or a bundle of authorities: far larger than any real one.
  static constexpr size_t kFileBytesMax = 1 << 20;

  // Checks that the files parse and that key and certificate belong together; the error names the file, never
  // its content.
  static Result<std::unique_ptr<ServerTls>> open(TlsFiles files);

  std::shared_ptr<boost::asio::ssl::context> current() const;
  CertificateFacts certificate() const;
  // True when new files came into force; files that do not load keep the last good context and are the error
  // (also for the moment in which only one of certificate and key has been replaced: poll again).
  Result<bool> poll();
  bool last_poll_failed() const noexcept { return last_poll_failed_.load(); }

 private:
  struct Material;  // what stands in the files
  explicit ServerTls(TlsFiles files) : files_(std::move(files)) {}
  Result<Material> read() const;
  Result<bool> load_if_changed();

  const TlsFiles files_;
  crypto::Sha256Digest in_force_{};  // of all three files' content
  std::atomic<bool> last_poll_failed_{false};
  mutable std::mutex mutex_;  // guards the next two
  std::shared_ptr<boost::asio::ssl::context> context_;
  CertificateFacts facts_;
};

}  // namespace ferro::node::security
