// What was written and deleted but is not in the caches yet. A cluster is left alone until they show it: a
// decision on an old picture could delete a second pod. In memory only: a new process begins with caches that
// are newer than anything its predecessor wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/k8s/client.h"

namespace ferro::oper::exec {

// Null = absent.
using CachedObject = std::function<std::shared_ptr<const k8s::Json>(
    const k8s::Resource& resource, std::string_view ns, std::string_view name)>;

// Thread-safe. Owned by main.
class Expectations {
 public:
  // A cache that does not show a write for this long will not: the object was deleted and made again, or the
  // watch is dead, which is told elsewhere.
  static constexpr int64_t kPatienceMs = 60'000;

  // `cluster` is "namespace/name". Objects: what the API server answered to the write.
  void wrote(std::string_view cluster, const k8s::Resource& resource, const k8s::Json& answer,
             int64_t now_ms);
  void deleted(std::string_view cluster, const k8s::Resource& resource, std::string_view ns,
               std::string_view name, std::string_view uid, int64_t now_ms);
  // Drops what the caches show; true if nothing is left to wait for.
  bool settled(std::string_view cluster, const CachedObject& cached, int64_t now_ms);
  void forget(std::string_view cluster);

 private:
  struct Expected {
    k8s::Resource resource;
    std::string ns, name;
    std::string uid;               // of what was deleted; empty = a write
    std::string resource_version;  // of what was written
    int64_t since_ms = 0;
  };
  static bool is_seen(const Expected& expected, const k8s::Json* object);

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Expected>> by_cluster_;
};

}  // namespace ferro::oper::exec
