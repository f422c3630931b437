#include "operator/pki/leaves.h"

#include <algorithm>

#include "operator/api/names.h"

namespace ferro::oper::pki {
namespace {

constexpr std::string_view kCertificateEnd = ".crt", kKeyEnd = ".key";

// NAME, NAME.NS, NAME.NS.svc and NAME.NS.svc.cluster.local.
void add_service_names(const std::string& name, std::string_view ns, std::vector<std::string>& names) {
  const std::string in_namespace = name + "." + std::string(ns);
  names.push_back(name);
  names.push_back(in_namespace);
  names.push_back(in_namespace + ".svc");
  names.push_back(in_namespace + ".svc." + std::string(kClusterDomain));
}

}  // namespace

std::vector<std::string> leaf_names(std::string_view cluster, std::string_view ns, int64_t ordinal) {
  std::vector<std::string> names{"localhost", api::member(cluster, ordinal)};
  add_service_names(api::member(cluster, ordinal) + "." + api::nodes_service(cluster), ns, names);
  add_service_names(std::string(cluster), ns, names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Leaves read_leaves(const Json& secret, std::string_view cluster) {
  Leaves leaves;
  leaves.requested = annotation_number(secret, api::kRequestedGeneration);
  for (const std::string& key_name : data_keys(secret)) {
    if (!key_name.ends_with(kCertificateEnd)) continue;
    const std::string member = key_name.substr(0, key_name.size() - kCertificateEnd.size());
    const auto ordinal = api::ordinal_of(cluster, member);
    if (!ordinal) continue;
    const auto certificate = data_of(secret, key_name);
    auto key = data_of(secret, member + std::string(kKeyEnd));
    if (!certificate.ok() || !key.ok()) continue;
    Identity leaf{std::string(certificate->reveal()), std::move(key).value()};
    if (check_pair(leaf.certificate, leaf.key).ok()) leaves.by_ordinal.emplace(*ordinal, std::move(leaf));
  }
  return leaves;
}

SecretContent content_of(const Leaves& leaves, std::string_view cluster) {
  SecretContent content;
  for (const auto& [ordinal, leaf] : leaves.by_ordinal) {
    const std::string member = api::member(cluster, ordinal);
    content.data.emplace(member + std::string(kCertificateEnd), Secret(leaf.certificate));
    content.data.emplace(member + std::string(kKeyEnd), leaf.key);
  }
  content.annotations.emplace(api::kRequestedGeneration, std::to_string(leaves.requested));
  return content;
}

Result<Leaves> with_leaves(const Leaves& held, const std::vector<int64_t>& ordinals, int64_t keep_below,
                           const Identity& authority, std::string_view cluster, std::string_view ns,
                           int64_t validity_s, int64_t now_unix) {
  Leaves made = held;
  for (const int64_t ordinal : ordinals) {
    const LeafRequest request{api::member(cluster, ordinal), leaf_names(cluster, ns, ordinal), validity_s};
    FERRO_ASSIGN_OR_RETURN(Identity leaf, make_leaf(request, authority, now_unix));
    made.by_ordinal.insert_or_assign(ordinal, std::move(leaf));
  }
  made.by_ordinal.erase(made.by_ordinal.lower_bound(keep_below), made.by_ordinal.end());
  return made;
}

}  // namespace ferro::oper::pki
