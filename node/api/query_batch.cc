// POST /query/batch: many lookups, some of them under way at a time, one answer in the order of the items.
#include <memory>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_read.h"
#include "node/api/lookup_json.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

// One item, independent of the reader's buffers: others may be under way when the next request is read.
struct Item {
  Status refused;
  Lookup lookup;
  std::vector<float> vector;
  std::string query_text;

  std::string answer;  // waits for those before it
  bool answered = false;
};

Item item_of(const Fields& fields, const Caller& caller) {
  thread_local std::vector<float> scratch;
  Item item;
  Result<Lookup> lookup = lookup_of(fields, caller, scratch);
  item.refused = lookup.status();
  if (!lookup.ok()) return item;
  item.lookup = *std::move(lookup);
  item.vector.assign(item.lookup.request.unit_vector.begin(), item.lookup.request.unit_vector.end());
  item.query_text = item.lookup.request.query_text;
  return item;
}

// Owned by the lookups under way; on the request's own core alone.
class QueryBatch : public std::enable_shared_from_this<QueryBatch> {
 public:
  QueryBatch(Backend& backend, cache::LookupOptions options, std::vector<Item> items, http::Reply reply)
      : backend_(backend), options_(options), items_(std::move(items)), reply_(std::move(reply)) {}

  // Starts as many as may be under way. A lookup that is answered at once makes room for the next without
  // another call of this.
  void pump() {
    if (std::exchange(pumping_, true)) return;
    while (next_ < items_.size() && under_way_ < limits::kBatchLookupsMax) start(next_++);
    pumping_ = false;
    if (written_ == items_.size()) reply_(json_answer(std::move(body_) + "]}"));
  }

 private:
  void start(size_t index) {
    Item& item = items_[index];
    if (!item.refused.ok()) return fail(index, item.refused);
    if (is_full()) return fail(index, full());
    engine::LookupRequest& request = item.lookup.request;
    request.unit_vector = item.vector;
    request.query_text = item.query_text;
    request.attributes = item.lookup.attributes.empty() ? nullptr : &item.lookup.attributes;
    ++under_way_;
    const int64_t started_ns = backend_.clock.steady_ns();
    backend_.cache.lookup(
        request, options_,
        [batch = shared_from_this(), index, started_ns](Result<engine::LookupResult> result) {
          if (batch->reply_.is_here()) return batch->take(index, started_ns, result);
          batch->reply_.run_there([batch, index, started_ns, result = std::move(result)] {
            batch->take(index, started_ns, result);
          });
        });
  }

  void take(size_t index, int64_t started_ns, const Result<engine::LookupResult>& result) {
    --under_way_;
    if (!result.ok()) {
      fail(index, result.status());
    } else if (is_full()) {
      fail(index, full());
    } else {
      append_lookup(LookupShape(items_[index].lookup.request), *result, items_[index].answer);
      if (!result->hits.empty()) backend_.metrics.observe_hit(result->hits.front());
      backend_.metrics.observe_query_ns(static_cast<uint64_t>(backend_.clock.steady_ns() - started_ns));
      put(index);
    }
    pump();
  }

  void fail(size_t index, const Status& status) {
    append_item_error(status, items_[index].answer);
    put(index);
  }

  void put(size_t index) {
    items_[index].answered = true;
    bytes_ += items_[index].answer.size();
    for (; written_ < items_.size() && items_[written_].answered; ++written_) {
      if (written_ > 0) body_ += ',';
      body_ += items_[written_].answer;
      items_[written_] = {};
    }
  }

  bool is_full() const { return bytes_ > limits::kBatchAnswerBytesMax; }
  static Status full() {
    return {StatusCode::too_large, "the answers before this one fill the batch: ask for it in another"};
  }

  Backend& backend_;
  const cache::LookupOptions options_;
  std::vector<Item> items_;
  http::Reply reply_;
  std::string body_ = R"({"results":[)";
  size_t next_ = 0, under_way_ = 0, written_ = 0;
  size_t bytes_ = 0;  // of all answers so far
  bool pumping_ = false;
};

}  // namespace

void handle_query_batch(Call&& call) {
  std::vector<Fields> fields;
  const Result<Routing> routing = routing_of(call.request);
  Status status = routing.status();
  if (status.ok()) {
    status = JsonReader::of_this_thread().read_items(call.request.body, kQueryFields,
                                                     call.backend.options.max_batch_items, fields);
  }
  if (!status.ok()) return call.reply(error_answer(status));

  std::vector<Item> items;
  items.reserve(fields.size());
  for (const Fields& item : fields) items.push_back(item_of(item, call.caller));
  std::make_shared<QueryBatch>(call.backend, cache::LookupOptions{routing->reach, routing->read_repair},
                               std::move(items), std::move(call.reply))
      ->pump();
}

}  // namespace ferro::node::api
