#include "node/api/visible_namespaces.h"

#include <string>
#include <utility>

#include "common/base/limits.h"
#include "node/model/namespace_key.h"

namespace ferro::node::api {

VisibleNamespaces visible_namespaces(const engine::Engine& engine, const Caller& caller,
                                     std::string_view prefix, std::string_view after, size_t limit) {
  const int64_t now_ms = engine.now_ms();
  const size_t wanted = limit + 1;
  const size_t step = caller.fixed_scope ? limits::kNamespacesListedMax : wanted;
  VisibleNamespaces visible;
  std::string from(after);
  for (bool last = false; !last && visible.page.size() < wanted;) {
    std::vector<store::NamespaceStats> part = engine.store().namespaces(now_ms, prefix, from, step);
    last = part.size() < step;
    if (!part.empty()) from = model::printed_name(part.back().key);
    for (store::NamespaceStats& stats : part) {
      if (visible.page.size() < wanted && (!caller.fixed_scope || stats.key.scope == *caller.fixed_scope)) {
        visible.page.push_back(std::move(stats));
      }
    }
  }
  visible.more = visible.page.size() == wanted;
  if (visible.more) visible.page.pop_back();
  return visible;
}

}  // namespace ferro::node::api
