#include "node/cluster/core/insert_task.h"

#include <map>
#include <memory>
#include <utility>

#include "node/cluster/core/candidates.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Rounds over the items that are still without an answer: each asks another owner, or the same ones again
// after a pause when the ring is changing.
constexpr int kRoundsMax = 6;
constexpr int64_t kRoundPauseMs = 20;
// Of one message to an owner: it decides and logs them in one go.
constexpr size_t kItemsPerCall = 256;

class InsertTask : public std::enable_shared_from_this<InsertTask> {
 public:
  InsertTask(Context& context, Owner& owner, std::vector<engine::InsertRequest> items,
             std::function<void(Owner::InsertResults)> done)
      : context_(context), owner_(owner), done_(std::move(done)) {
    items_.reserve(items.size());
    for (engine::InsertRequest& request : items) {
      Candidates candidates(context, model::namespace_hash(request.ns), model::slot_of(request.id));
      items_.push_back({std::move(request), std::move(candidates), Status(), {}, false});
    }
  }

  // Asks an owner for every item that has no answer yet.
  void round() {
    std::map<NodeId, std::vector<size_t>> groups;
    bool exhausted = false;
    for (size_t i = 0; i < items_.size(); ++i) {
      Item& item = items_[i];
      if (item.answered) continue;
      if (const auto node = item.candidates.next()) {
        groups[*node].push_back(i);
      } else {
        item.candidates.start_again();
        exhausted = true;
      }
    }
    ++rounds_;
    open_ = 1;
    for (const auto& [node, indexes] : groups) {
      for (size_t first = 0; first < indexes.size(); first += kItemsPerCall) {
        const size_t last = std::min(indexes.size(), first + kItemsPerCall);
        ++open_;
        send(node, std::vector<size_t>(indexes.begin() + static_cast<ptrdiff_t>(first),
                                       indexes.begin() + static_cast<ptrdiff_t>(last)));
      }
    }
    pause_ = exhausted;
    one_less();
  }

 private:
  struct Item {
    engine::InsertRequest request;
    Candidates candidates;
    Status failure;
    std::string id;
    bool answered = false;
  };

  void send(const NodeId& node, std::vector<size_t> indexes) {
    InsertMessage message;
    for (const size_t index : indexes) message.items.push_back(items_[index].request);
    if (node == context_.options.self) {
      return owner_.insert_batch(
          std::move(message.items),
          [self = shared_from_this(), indexes = std::move(indexes)](Owner::InsertResults results) {
            for (size_t i = 0; i < indexes.size(); ++i) {
              self->take(self->items_[indexes[i]], results[i].status(),
                         results[i].ok() ? *std::move(results[i]) : std::string());
            }
            self->one_less();
          });
    }
    context_.figures.forwards += indexes.size();
    // Once it is decided the owner itself may wait a full timeout for another one.
    context_.peers->call(
        node, MessageType::insert, encode(message, context_.peers->version_of(node)),
        CallWait{context_.options.request_timeout_ms * 2, context_.options.request_timeout_ms, false},
        [self = shared_from_this(), indexes = std::move(indexes)](const Result<std::string_view>& body) {
          self->on_reply(indexes, body);
          self->one_less();
        });
  }

  void on_reply(const std::vector<size_t>& indexes, const Result<std::string_view>& body) {
    auto reply = body.ok() ? decode<InsertReply>(*body) : Result<InsertReply>(body.status());
    if (reply.ok() && reply->items.size() != indexes.size()) {
      reply = Status::internal("a peer answered another number of items than it was asked");
    }
    for (size_t i = 0; i < indexes.size(); ++i) {
      Item& item = items_[indexes[i]];
      if (reply.ok()) {
        take(item, reply->items[i].status, std::move(reply->items[i].id));
      } else {
        take(item, reply.status(), {});
      }
    }
  }

  void take(Item& item, Status status, std::string id) {
    item.answered = status.ok() || !worth_asking_another(status);
    item.failure = std::move(status);
    item.id = std::move(id);
  }

  void one_less() {
    if (--open_ > 0) return;
    bool all = true;
    for (const Item& item : items_) all = all && item.answered;
    if (all || rounds_ >= kRoundsMax) return finish();
    context_.loop.after(pause_ ? kRoundPauseMs : 0, [self = shared_from_this()] { self->round(); });
  }

  static Status nobody(const Item& item) {
    Status none = item.candidates.nobody();
    if (item.failure.ok()) return none;
    return {none.code(), none.message() + "; last: " + item.failure.message()};
  }

  void finish() {
    Owner::InsertResults results;
    results.reserve(items_.size());
    for (Item& item : items_) {
      if (!item.answered) {
        const bool said = item.failure.code() == StatusCode::no_space ||
                          item.failure.code() == StatusCode::io_error ||
                          item.failure.code() == StatusCode::internal;
        results.emplace_back(said ? std::move(item.failure) : nobody(item));
      } else if (item.failure.ok()) {
        results.emplace_back(std::move(item.id));
      } else {
        results.emplace_back(std::move(item.failure));
      }
    }
    std::exchange(done_, nullptr)(std::move(results));
  }

  Context& context_;
  Owner& owner_;
  std::vector<Item> items_;
  std::function<void(Owner::InsertResults)> done_;
  size_t open_ = 0;
  int rounds_ = 0;
  bool pause_ = false;
};

}  // namespace

void start_insert(Context& context, Owner& owner, std::vector<engine::InsertRequest> items,
                  std::function<void(Owner::InsertResults)> done) {
  context.loop.post([&context, &owner, items = std::move(items), done = std::move(done)]() mutable {
    std::make_shared<InsertTask>(context, owner, std::move(items), std::move(done))->round();
  });
}

}  // namespace ferro::node::cluster
