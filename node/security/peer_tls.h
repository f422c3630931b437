// Mutual TLS between nodes: this node's certificate and whom it trusts, from files, re-made in place when
// they change. New links are made under what is in force; open ones go on. docs/security.md, "TLS between
// nodes".
//
// Thread rule: `current` from any thread, `poll` from one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace ferro::node::security {

struct PeerTlsFiles {
  std::string ca_cert_path;  // one or several authorities
  std::string node_cert_path, node_key_path;
};

class PeerTls {
 public:
  static constexpr size_t kFileBytesMax = 1 << 20;

  // Immutable.
  struct InForce {
    std::shared_ptr<ssl_ctx_st> context;            // for either side of a link
    crypto::CertificateFacts certificate;           // what this node shows
    std::vector<crypto::CertificateFacts> anchors;  // whom it trusts, in the order of the file
    uint64_t generation = 0;                        // grows with every change
  };

  // Checks that the files parse and that key and certificate belong together; the error names the file, never
  // its content.
  static Result<std::unique_ptr<PeerTls>> open(PeerTlsFiles files);

  std::shared_ptr<const InForce> current() const;
  // True when new files came into force; files that do not load keep the last good ones and are the error
  // (also for the moment in which only one of certificate and key has been replaced: poll again). A bundle
  // that lacks an authority of the last one may be half written: it comes into force when two polls in a row
  // saw it.
  Result<bool> poll();
  bool last_poll_failed() const noexcept { return last_poll_failed_.load(); }

 private:
  struct Material;  // what stands in the files
  explicit PeerTls(PeerTlsFiles files) : files_(std::move(files)) {}
  Result<Material> read() const;
  Result<bool> load_if_changed();

  const PeerTlsFiles files_;
  crypto::Sha256Digest in_force_digest_{};                  // of all three files' content
  std::optional<crypto::Sha256Digest> maybe_half_written_;  // seen once
  std::atomic<bool> last_poll_failed_{false};
  mutable std::mutex mutex_;  // guards in_force_
  std::shared_ptr<const InForce> in_force_;
};

}  // namespace ferro::node::security
