#include "operator/controllers/relevance.h"

#include "operator/controllers/fields.h"
#include "operator/k8s/resources.h"

namespace ferro::oper::controllers {

bool is_relevant(const k8s::Resource& resource, const runtime::Change& change) {
  if (resource.plural != k8s::kClusters.plural || change.before == nullptr || change.after == nullptr)
    return true;
  if (object_at(*change.before, "spec") != object_at(*change.after, "spec")) return true;
  const Json& before = object_at(*change.before, "metadata");
  const Json& after = object_at(*change.after, "metadata");
  return text_at(before, "uid") != text_at(after, "uid") ||
         text_at(before, "deletionTimestamp") != text_at(after, "deletionTimestamp") ||
         object_at(before, "annotations") != object_at(after, "annotations");
}

}  // namespace ferro::oper::controllers
