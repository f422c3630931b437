#include "operator/exec/expectations.h"

#include <charconv>
#include <optional>

#include "operator/exec/json_fields.h"

namespace ferro::oper::exec {
namespace {

std::optional<uint64_t> as_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// Resource versions of one kind grow; a server that writes no numbers can only be compared for equality.
bool is_as_new(std::string_view seen, std::string_view written) {
  if (seen == written) return true;
  const auto a = as_number(seen), b = as_number(written);
  return a && b && *a >= *b;
}

}  // namespace

void Expectations::wrote(std::string_view cluster, const k8s::Resource& resource, const k8s::Json& answer,
                         int64_t now_ms) {
  Expected expected{resource, metadata_text(answer, "namespace"),       metadata_text(answer, "name"),
                    "",       metadata_text(answer, "resourceVersion"), now_ms};
  if (expected.name.empty() || expected.resource_version.empty()) return;
  const std::lock_guard lock(mutex_);
  by_cluster_[std::string(cluster)].push_back(std::move(expected));
}

void Expectations::deleted(std::string_view cluster, const k8s::Resource& resource, std::string_view ns,
                           std::string_view name, std::string_view uid, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  by_cluster_[std::string(cluster)].push_back(
      {resource, std::string(ns), std::string(name), std::string(uid), "", now_ms});
}

bool Expectations::is_seen(const Expected& expected, const k8s::Json* object) {
  if (!expected.uid.empty()) {
    return object == nullptr || metadata_text(*object, "uid") != expected.uid ||
           !metadata_text(*object, "deletionTimestamp").empty();
  }
  return object != nullptr && is_as_new(metadata_text(*object, "resourceVersion"), expected.resource_version);
}

bool Expectations::settled(std::string_view cluster, const CachedObject& cached, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = by_cluster_.find(std::string(cluster));
  if (found == by_cluster_.end()) return true;
  // Reading a cache takes that cache's lock for a moment and nothing else: no order of locks to get wrong.
  std::erase_if(found->second, [&](const Expected& expected) {
    if (now_ms - expected.since_ms >= kPatienceMs) return true;
    const auto object = cached(expected.resource, expected.ns, expected.name);
    return is_seen(expected, object.get());
  });
  if (!found->second.empty()) return false;
  by_cluster_.erase(found);
  return true;
}

void Expectations::forget(std::string_view cluster) {
  const std::lock_guard lock(mutex_);
  by_cluster_.erase(std::string(cluster));
}

}  // namespace ferro::oper::exec
