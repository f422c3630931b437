// The operator's side of mutual TLS with the nodes of one cluster.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::oper::nodeclient {

// Immutable; any thread. Shared by the calls that use it.
class TlsAccess {
 public:
  // `anchors`: PEM, one or several authorities, any of which may have signed a node's certificate; they may
  // be intermediate ones. `certificate` and `key`: what the operator shows; both empty = it shows none.
  // invalid_argument, without content, if something does not parse or belong together.
  static Result<std::shared_ptr<const TlsAccess>> make(std::string_view anchors, std::string_view certificate,
                                                       const Secret& key);

  boost::asio::ssl::context& context() const { return context_; }

 private:
  TlsAccess() : context_(boost::asio::ssl::context::tls_client) {}
  // Connections are made from it concurrently, which OpenSSL allows; it is not changed any more.
  mutable boost::asio::ssl::context context_;
};

}  // namespace ferro::oper::nodeclient
