// Makes a TLS server context from PEM texts. Private to security.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/crypto/certificate.h"

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

}  // namespace ferro::node::security
