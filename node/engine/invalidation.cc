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
  Invalidation(Core& core, Worker& scan_worker, InvalidateRequest request,
               Done<std::vector<std::string>> done)
      : core_(core), scan_worker_(scan_worker), request_(std::move(request)), done_(std::move(done)) {}

  void start();

 private:
  void run(bool cancelled);
  void refuse(const Status& why) { done_(why); }
  void delete_next();
  void deleted(WriteRequest& portion);
  Status too_many() const;

  Core& core_;
  Worker& scan_worker_;
  const InvalidateRequest request_;
  const Done<std::vector<std::string>> done_;
  std::vector<store::EntryRef> found_;
  size_t next_ = 0;
  bool found_all_ = true;         // not only as many as are left of ids_max
  std::vector<std::string> ids_;  // deleted so far
};

Status Invalidation::too_many() const {
  return {StatusCode::too_large, "a dry run over " + std::to_string(found_.size()) +
                                     " entries of one node: name less, at most " +
                                     std::to_string(request_.ids_max) + " are listed"};
}

void Invalidation::start() {
  const Status posted =
      scan_worker_.post([self = shared_from_this()](bool cancelled) { self->run(cancelled); });
  if (!posted.ok()) refuse(posted);
}

void Invalidation::run(bool cancelled) {
  if (cancelled) return refuse(Status::unavailable("the node is stopping"));
  if (request_.decide_by_ns != 0 && core_.clock.steady_ns() > request_.decide_by_ns)
    return refuse(Status::unavailable("its turn came when nobody waited for it any more"));
  const int64_t now_ms = core_.clock.wall_ms();
  if (request_.radius) {
    const auto& [ns, unit_vector, threshold] = *request_.radius;
    model::SlotSet slots = model::kAllSlots;
    if (request_.partitions) {
      slots = model::Territory{*request_.partitions, request_.splits}.slots_of(model::namespace_hash(ns));
    }
    if (Status status = check_dimension(*core_.store, ns, unit_vector.size(), now_ms, slots); !status.ok())
      return refuse(status);
    if (slots != 0) found_ = core_.store->within_radius(ns, unit_vector, threshold, now_ms, slots);
  } else {
    store::Selector selector = *request_.selector;
    if (request_.partitions) {
      selector.partitions = request_.partitions;
      selector.splits = request_.splits;
    }
    found_ = core_.store->select(selector, now_ms);
  }
  const size_t room = request_.ids_max == 0 ? found_.size() : request_.ids_max - ids_.size();
  found_all_ = found_.size() <= room;
  if (!found_all_ && request_.dry_run) return refuse(too_many());
  if (!found_all_) found_.resize(room);
  next_ = 0;
  if (!request_.dry_run) return delete_next();
  for (store::EntryRef& ref : found_) ids_.push_back(std::move(ref.id));
  done_(std::move(ids_));
}

void Invalidation::delete_next() {
  if (next_ == found_.size()) {
    // Fewer than ids_max says that nothing is left; some that were found others may have deleted meanwhile.
    if (!found_all_ && ids_.size() < request_.ids_max) return start();
    return done_(std::move(ids_));
  }
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
  std::make_shared<Invalidation>(core, scan_worker, std::move(request), std::move(done))->start();
}

}  // namespace ferro::node::engine
