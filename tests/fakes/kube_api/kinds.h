// The kinds that the fake API server knows: those that the operator uses, and what a CRD adds.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fakes/kube_api/message.h"

namespace ferro::fakes::kube {

struct ScalePaths {  // as in a CRD, without the leading dot, split
  std::vector<std::string> spec_replicas, status_replicas, selector;
};

struct Kind {
  std::string group, version, plural, kind;
  bool namespaced = true;
  bool has_status = false;      // a status subresource: spec and status are apart
  bool has_generation = false;  // counts changes of what is neither metadata nor status
  bool built_in = true;         // lists leave out kind and apiVersion
  std::optional<ScalePaths> scale;
  Json schema;  // openAPIV3Schema of a CRD; null for built-in kinds

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // For messages: "statefulsets.apps".
  std::string qualified() const { return group.empty() ? plural : plural + "." + group; }
};
using KindPtr = std::shared_ptr<const Kind>;

class KindRegistry {
 public:
  KindRegistry();  // the built-in kinds
  KindPtr find(std::string_view group, std::string_view version, std::string_view plural) const;
  KindPtr by_kind(std::string_view api_version, std::string_view kind) const;
  const std::vector<KindPtr>& all() const { return kinds_; }
  void add(Kind kind);  // replaces one of the same name
  // Every served version of a CustomResourceDefinition.
  void add_crd(const Json& crd);

 private:
  std::vector<KindPtr> kinds_;
};

}  // namespace ferro::fakes::kube
