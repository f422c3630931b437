#include "node/engine/invalidation.h"

#include <algorithm>
#include <utility>

#include "node/engine/lookup.h"

namespace ferro::node::engine {

namespace {

// Deletes that go to the writer at once: a few batches, so a lone insert waits behind that many at most.
constexpr size_t kPortion = 512;

class Invalidation : public std::enable_shared_from_this<Invalidation> {
 public:
  Invalidation(Core& core, InvalidateRequest request, Done<std::vector<std::string>> done)
      : core_(core), request_(std::move(request)), done_(std::move(done)) {}

  void run(bool cancelled);
  void refuse(const Status& why) { done_(why); }

 private:
  void delete_next();
  void deleted(WriteRequest& portion);

  Core& core_;
  const InvalidateRequest request_;
  const Done<std::vector<std::string>> done_;
  std::vector<store::EntryRef> found_;
  size_t next_ = 0;
  std::vector<std::string> ids_;  // deleted so far
};

void Invalidation::run(bool cancelled) {
  if (cancelled) return refuse(Status::unavailable("the node is stopping"));
  if (request_.decide_by_ns != 0 && core_.clock.steady_ns() > request_.decide_by_ns)
    return refuse(Status::unavailable("its turn came when nobody waited for it any more"));
  const int64_t now_ms = core_.clock.wall_ms();
  if (request_.radius) {
    const auto& [ns, unit_vector, threshold] = *request_.radius;
    if (Status status = check_dimension(*core_.store, ns, unit_vector.size(), now_ms); !status.ok())
      return refuse(status);
    const bool here = !request_.partitions || request_.partitions->test(model::partition_of(ns));
    if (here) found_ = core_.store->within_radius(ns, unit_vector, threshold, now_ms);
  } else {
    store::Selector selector = *request_.selector;
    if (request_.partitions) selector.partitions = request_.partitions;
    found_ = core_.store->select(selector, now_ms);
  }
  if (!request_.dry_run) return delete_next();
  for (store::EntryRef& ref : found_) ids_.push_back(std::move(ref.id));
  done_(std::move(ids_));
}

void Invalidation::delete_next() {
  if (next_ == found_.size()) return done_(std::move(ids_));
  auto portion = std::make_unique<WriteRequest>();
  const size_t end = std::min(found_.size(), next_ + kPortion);
  for (; next_ < end; ++next_) portion->items.push_back({std::move(found_[next_]), {}, {}, 0, request_.tag});
  portion->done = [self = shared_from_this()](WriteRequest& answered) { self->deleted(answered); };
  if (Status status = core_.queue.push_continuation(portion); !status.ok()) refuse(status);
}

void Invalidation::deleted(WriteRequest& portion) {
  for (WriteItem& item : portion.items) {
    // What went before stays deleted: asking again finishes the rest.
    if (!item.status.ok()) return refuse(item.status);
    if (item.removed > 0) ids_.push_back(std::move(std::get<store::EntryRef>(item.what).id));
  }
  delete_next();
}

}  // namespace

void start_invalidation(Core& core, Worker& scan_worker, InvalidateRequest request,
                        Done<std::vector<std::string>> done) {
  if (request.radius.has_value() == request.selector.has_value()) {
    return done(Status::invalid("name either a radius or a selection"));
  }
  auto invalidation = std::make_shared<Invalidation>(core, std::move(request), std::move(done));
  const Status posted = scan_worker.post([invalidation](bool cancelled) { invalidation->run(cancelled); });
  if (!posted.ok()) invalidation->refuse(posted);
}

}  // namespace ferro::node::engine
