// Makes TLS contexts from PEM texts. Private to security.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/certificate.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace ferro::node::security {

struct PemFile {
  std::string path;  // for errors
  std::string_view text;
};

struct TlsContext {
  std::shared_ptr<boost::asio::ssl::context> context;
  crypto::CertificateFacts certificate;  // the server's own
};

// `chain`: the server's certificate, then those that lead to its authority. `key`: not encrypted.
// `client_ca`: empty path = clients need no certificate. Errors name the path, never the content.
Result<TlsContext> make_tls_context(const PemFile& chain, const PemFile& key, const PemFile& client_ca);

struct PeerTlsContext {
  std::shared_ptr<ssl_ctx_st> context;
  crypto::CertificateFacts certificate;           // this node's own
  std::vector<crypto::CertificateFacts> anchors;  // in the order of the file
};

// For links between nodes, good for either side of one: both must show a certificate that chains to one of
// `anchors`, which may be roots or intermediate authorities.
Result<PeerTlsContext> make_peer_tls_context(const PemFile& chain, const PemFile& key,
                                             const PemFile& anchors);

}  // namespace ferro::node::security
