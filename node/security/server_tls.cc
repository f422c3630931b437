#include "node/security/server_tls.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/secret.h"
#include "common/io/small_file.h"
#include "node/security/tls_context.h"

namespace ferro::node::security {

struct ServerTls::Material {
  std::string chain, client_ca;
  Secret key;
  crypto::Sha256Digest digest{};
};

Result<ServerTls::Material> ServerTls::read() const {
  Material material;
  FERRO_ASSIGN_OR_RETURN(material.chain, io::read_small_file(files_.cert_path, kFileBytesMax));
  FERRO_ASSIGN_OR_RETURN(std::string key, io::read_small_file(files_.key_path, kFileBytesMax));
  material.key = Secret(std::move(key));
  if (!files_.client_ca_path.empty()) {
    FERRO_ASSIGN_OR_RETURN(material.client_ca, io::read_small_file(files_.client_ca_path, kFileBytesMax));
  }
  // Digest of digests: where one file ends and the next begins counts.
  std::string digests;
  for (const std::string_view text :
       {std::string_view(material.chain), material.key.reveal(), std::string_view(material.client_ca)}) {
    digests += as_text(crypto::sha256(as_bytes(text)));
  }
  material.digest = crypto::sha256(as_bytes(digests));
  return material;
}

Result<std::unique_ptr<ServerTls>> ServerTls::open(TlsFiles files) {
  auto tls = std::unique_ptr<ServerTls>(new ServerTls(std::move(files)));
  const auto loaded = tls->load_if_changed();
  if (!loaded.ok()) return loaded.status().with_context(tls->files_.what);
  return tls;
}

std::shared_ptr<boost::asio::ssl::context> ServerTls::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

CertificateFacts ServerTls::certificate() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

Result<bool> ServerTls::poll() {
  auto changed = load_if_changed();
  last_poll_failed_ = !changed.ok();
  if (!changed.ok()) return changed.status().with_context(files_.what);
  return changed;
}

Result<bool> ServerTls::load_if_changed() {
  FERRO_ASSIGN_OR_RETURN(const Material material, read());
  if (material.digest == in_force_) return false;
  FERRO_ASSIGN_OR_RETURN(TlsContext made, make_tls_context({files_.cert_path, material.chain},
                                                           {files_.key_path, material.key.reveal()},
                                                           {files_.client_ca_path, material.client_ca}));
  in_force_ = material.digest;
  const std::lock_guard lock(mutex_);
  context_ = std::move(made.context);
  facts_ = std::move(made.certificate);
  return true;
}

}  // namespace ferro::node::security
