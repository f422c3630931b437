#include "node/api/visible_namespaces.h"

#include <memory>
#include <utility>

#include "common/base/limits.h"
#include "node/model/namespace_key.h"

namespace ferro::node::api {
namespace {

// Asks for one part after the other until the page is full or nothing is left. Owned by the call under way.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(cache::Cache& cache, std::optional<std::string> fixed_scope, cache::ListRequest listing,
       cache::Done<VisibleNamespaces> done)
      : cache_(cache),
        fixed_scope_(std::move(fixed_scope)),
        wanted_(listing.limit + 1),
        next_(std::move(listing)),
        done_(std::move(done)) {
    next_.limit = fixed_scope_ ? limits::kNamespacesListedMax : wanted_;
  }

  void ask() {
    cache_.list_namespaces(next_, [walk = shared_from_this()](Result<cache::NamespaceList> part) {
      if (!part.ok()) return walk->done_(part.status());
      walk->take(*std::move(part));
    });
  }

 private:
  void take(cache::NamespaceList part) {
    const bool last = part.size() < next_.limit;
    if (!part.empty()) next_.after = model::printed_name(part.back().key);
    for (store::NamespaceStats& stats : part) {
      if (found_.page.size() < wanted_ && (!fixed_scope_ || stats.key.scope == *fixed_scope_)) {
        found_.page.push_back(std::move(stats));
      }
    }
    if (!last && found_.page.size() < wanted_) return ask();
    found_.more = found_.page.size() == wanted_;
    if (found_.more) found_.page.pop_back();
    done_(std::move(found_));
  }

  cache::Cache& cache_;
  const std::optional<std::string> fixed_scope_;
  const size_t wanted_;
  cache::ListRequest next_;
  cache::Done<VisibleNamespaces> done_;
  VisibleNamespaces found_;
};

}  // namespace

void list_visible_namespaces(cache::Cache& cache, std::optional<std::string> fixed_scope,
                             cache::ListRequest listing, cache::Done<VisibleNamespaces> done) {
  std::make_shared<Walk>(cache, std::move(fixed_scope), std::move(listing), std::move(done))->ask();
}

}  // namespace ferro::node::api
