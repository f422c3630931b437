// How the operator reaches the nodes of one cluster: with a client leaf that it issues itself and keeps in
// memory, or with the clients' token where nodes were made without TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "operator/api/spec.h"
#include "operator/nodeclient/node_client.h"
#include "operator/plan/world.h"
#include "operator/runtime/store.h"

namespace ferro::oper::controllers {

// Of one cluster; used by one pass at a time.
class NodeAccessBook {
 public:
  // A leaf of the operator's is good for this long and made anew after half of it.
  static constexpr int64_t kLeafValiditySeconds = 24 * 3600;

  // Makes the TLS side anew if the Secrets changed or the leaf ages. What cannot be made is told by `reach`.
  void update(const api::Cluster& cluster, const runtime::Object& ca, const runtime::Object& trust,
              const runtime::Object& tokens, int64_t now_unix);

  // How this pod is reached: by the way it was made, which during a change of tls.enabled is not the spec's.
  Result<nodeclient::NodeAccess> access(bool tls) const;
  // Unix time of the end of the operator's own leaf; 0 = it has none.
  int64_t leaf_not_after_unix() const noexcept { return leaf_not_after_unix_; }
  // What was trusted when the nodes could last be reached, PEM; empty = they never could. Kept when the
  // Secrets are gone.
  const std::string& anchors() const noexcept { return anchors_; }

 private:
  Status make(const runtime::Object& ca, const runtime::Object& trust, int64_t now_unix);

  std::string made_of_;  // resource versions
  int64_t renew_unix_ = 0, leaf_not_after_unix_ = 0;
  Status failed_ = Status::unavailable("there are no certificates yet");
  std::shared_ptr<const nodeclient::TlsAccess> tls_;
  std::string anchors_;
  Secret token_;
};

nodeclient::NodeAddress address_of(const api::Cluster& cluster, const plan::PodView& pod);

}  // namespace ferro::oper::controllers
