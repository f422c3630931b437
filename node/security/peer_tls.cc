#include "node/security/peer_tls.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/secret.h"
#include "common/io/small_file.h"
#include "node/security/tls_context.h"

namespace ferro::node::security {

namespace {

bool lacks_one(const std::vector<crypto::CertificateFacts>& now,
               const std::vector<crypto::CertificateFacts>& before) {
  return std::any_of(before.begin(), before.end(), [&now](const crypto::CertificateFacts& old) {
    return std::none_of(now.begin(), now.end(), [&old](const crypto::CertificateFacts& anchor) {
      return anchor.fingerprint_sha256 == old.fingerprint_sha256;
    });
  });
}

}  // namespace

struct PeerTls::Material {
  std::string chain, anchors;
  Secret key;
  crypto::Sha256Digest digest{};
};

Result<PeerTls::Material> PeerTls::read() const {
  Material material;
  FERRO_ASSIGN_OR_RETURN(material.anchors, io::read_small_file(files_.ca_cert_path, kFileBytesMax));
  FERRO_ASSIGN_OR_RETURN(material.chain, io::read_small_file(files_.node_cert_path, kFileBytesMax));
  FERRO_ASSIGN_OR_RETURN(std::string key, io::read_small_file(files_.node_key_path, kFileBytesMax));
  material.key = Secret(std::move(key));
  // Digest of digests: where one file ends and the next begins counts.
  std::string digests;
  for (const std::string_view text :
       {std::string_view(material.chain), material.key.reveal(), std::string_view(material.anchors)}) {
    digests += as_text(crypto::sha256(as_bytes(text)));
  }
  material.digest = crypto::sha256(as_bytes(digests));
  return material;
}

Result<std::unique_ptr<PeerTls>> PeerTls::open(PeerTlsFiles files) {
  auto tls = std::unique_ptr<PeerTls>(new PeerTls(std::move(files)));
  const auto loaded = tls->load_if_changed();
  if (!loaded.ok()) return loaded.status().with_context("cluster.tls");
  return tls;
}

std::shared_ptr<const PeerTls::InForce> PeerTls::current() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

Result<bool> PeerTls::poll() {
  auto changed = load_if_changed();
  last_poll_failed_ = !changed.ok();
  if (!changed.ok()) return changed.status().with_context("cluster.tls");
  return changed;
}

Result<bool> PeerTls::load_if_changed() {
  FERRO_ASSIGN_OR_RETURN(const Material material, read());
  const auto seen_before = std::exchange(maybe_half_written_, std::nullopt);
  if (material.digest == in_force_digest_) return false;
  FERRO_ASSIGN_OR_RETURN(PeerTlsContext made,
                         make_peer_tls_context({files_.node_cert_path, material.chain},
                                               {files_.node_key_path, material.key.reveal()},
                                               {files_.ca_cert_path, material.anchors}));
  const std::shared_ptr<const InForce> before = current();
  if (before != nullptr && lacks_one(made.anchors, before->anchors) && seen_before != material.digest) {
    maybe_half_written_ = material.digest;
    return false;
  }
  in_force_digest_ = material.digest;
  auto next = std::make_shared<InForce>();
  next->context = std::move(made.context);
  next->certificate = std::move(made.certificate);
  next->anchors = std::move(made.anchors);
  next->generation = before != nullptr ? before->generation + 1 : 1;
  const std::lock_guard lock(mutex_);
  in_force_ = std::move(next);
  return true;
}

}  // namespace ferro::node::security
