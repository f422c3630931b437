// The operator's copies of everything that it watches, one store a kind.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "operator/k8s/client.h"
#include "operator/k8s/resources.h"
#include "operator/runtime/store.h"

namespace ferro::oper::controllers {

// Owned by main, outlives the reflectors that fill it and the controllers that read it. Thread-safe.
class Caches {
 public:
  struct Kind {
    k8s::Resource resource;
    // Clusters are watched as they are; everything else by our label, so that other people's objects cost
    // nothing.
    std::string_view label_selector;
    runtime::Store store;
  };

  Caches();
  // Every kind, for reflectors.
  template <typename Use>
  void each(Use&& use) {
    for (Kind& kind : kinds_) use(kind);
  }
  // Null for a kind that is not cached.
  const runtime::Store* find(const k8s::Resource& resource) const;
  const runtime::Store& of(const k8s::Resource& resource) const;  // of a kind that is
  runtime::Object get(const k8s::Resource& resource, std::string_view ns, std::string_view name) const;
  // Objects of the kind that carry a cluster's instance label.
  std::vector<runtime::Object> of_cluster(const k8s::Resource& resource, std::string_view ns,
                                          std::string_view cluster) const;
  bool synced() const;

 private:
  static constexpr size_t kKinds = 10;
  std::array<Kind, kKinds> kinds_;
};

// The key of the cluster that a changed object belongs to; empty if it belongs to none.
std::string cluster_key_of(const k8s::Resource& resource, const runtime::Change& change);

}  // namespace ferro::oper::controllers
