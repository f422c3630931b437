#include "operator/controllers/node_access.h"

#include "operator/api/names.h"
#include "operator/controllers/fields.h"
#include "operator/nodeclient/tls_access.h"
#include "operator/pki/authorities.h"
#include "operator/pki/tokens.h"

namespace ferro::oper::controllers {
void NodeAccessBook::update(const api::Cluster& cluster, const runtime::Object& ca,
                            const runtime::Object& trust, const runtime::Object& tokens, int64_t now_unix) {
  token_ = Secret();
  if (tokens != nullptr && cluster.spec.auth.enabled) {
    if (const auto read = pki::read_foreign_tokens(*tokens); read.ok()) token_ = read->current;
  }
  const std::string made_of = version_of(ca) + " " + version_of(trust);
  if (made_of == made_of_ && failed_.ok() && now_unix < renew_unix_) return;
  made_of_ = made_of;
  failed_ = make(ca, trust, now_unix);
  if (!failed_.ok()) {
    tls_ = nullptr;
    leaf_not_after_unix_ = 0;
  }
}

Status NodeAccessBook::make(const runtime::Object& ca, const runtime::Object& trust, int64_t now_unix) {
  if (ca == nullptr) return Status::unavailable("there is no authority yet");
  FERRO_ASSIGN_OR_RETURN(const pki::Authorities held, pki::read_authorities(*ca));
  // Nodes may serve what any published anchor signed, even one that NAME-ca has no more.
  const std::string in_force = pki::bundle_of(held);
  std::string anchors = in_force;
  if (trust != nullptr) {
    if (const auto published = pki::data_of(*trust, pki::kBundleKey); published.ok()) {
      anchors = pki::join_bundles({in_force, published->reveal()});
    }
  }
  const pki::LeafRequest request{"ferrocache-operator", {}, kLeafValiditySeconds};
  FERRO_ASSIGN_OR_RETURN(const pki::Identity leaf, pki::make_leaf(request, *held.current, now_unix));
  FERRO_ASSIGN_OR_RETURN(tls_, nodeclient::TlsAccess::make(anchors, leaf.certificate, leaf.key));
  anchors_ = std::move(anchors);
  renew_unix_ = now_unix + kLeafValiditySeconds / 2;
  leaf_not_after_unix_ = now_unix + kLeafValiditySeconds;
  return {};
}

Result<nodeclient::NodeAccess> NodeAccessBook::access(bool tls) const {
  nodeclient::NodeAccess how;
  if (!tls) {
    how.token = token_;
    return how;
  }
  if (tls_ == nullptr) return failed_;
  how.tls = tls_;
  return how;
}

nodeclient::NodeAddress address_of(const api::Cluster& cluster, const plan::PodView& pod) {
  const int port = pod.tls ? api::kInternalPort : api::kHttpPort;
  return {pod.name, pod.ip, api::member_host(cluster.name, cluster.ns, pod.ordinal),
          static_cast<uint16_t>(port)};
}

}  // namespace ferro::oper::controllers
