#include "node/cluster/core/gather.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "node/cluster/core/candidates.h"

namespace ferro::node::cluster {

namespace {

constexpr int kRoundsMax = 6;
// Tables of splits, one after the other: each takes a gossip interval or more to agree on.
constexpr int kTablesMax = 4;
constexpr int64_t kRoundPauseMs = 20;

// What an owner says about itself, that its disk is full say, tells more than that none is left to ask.
bool speaks_of_itself(const Status& failure) noexcept {
  return failure.code() == StatusCode::no_space || failure.code() == StatusCode::io_error ||
         failure.code() == StatusCode::internal;
}

class Gather : public std::enable_shared_from_this<Gather> {
 public:
  Gather(Context& context, Desk& desk, Question question, std::function<void(Status)> done)
      : context_(context),
        desk_(desk),
        question_(std::move(question)),
        done_(std::move(done)),
        patience_(context) {
    begin(*context_.routes.get());
  }

  void round() {
    std::map<NodeId, model::PartitionSet> shares;
    Status orphaned;
    const auto routes = context_.routes.get();
    if (routes->splits_of(splits_->fingerprint()) == nullptr && tables_ < kTablesMax) {
      if (question_.forget) question_.forget();
      begin(*routes);
    }
    held_ = false;
    for (size_t p = 0; p < model::kPartitions; ++p) {
      if (!open_partitions_.test(p)) continue;
      if (patience_.holds(*routes, static_cast<uint16_t>(p))) {
        held_ = true;
        continue;
      }
      const NodeId* node = acting(*routes, static_cast<uint16_t>(p));
      if (node != nullptr) {
        shares[*node].set(p);
      } else if (orphaned.ok()) {
        orphaned = Candidates::nobody(context_, static_cast<uint16_t>(p));
      }
    }
    if (!orphaned.ok() && !speaks_of_itself(failure_)) failure_ = std::move(orphaned);
    failed_.clear();  // only for the next pass, not for ever
    open_ = 1;
    for (const auto& [node, share] : shares) {
      ++open_;
      ask(node, share);
    }
    one_less();
  }

 private:
  void begin(const Routes& routes) {
    splits_ = routes.splits();
    open_partitions_ = question_.partitions(*splits_);
    rounds_ = 0;
    ++tables_;
  }

  CallWait wait() const {
    const int64_t decide_ms = question_.decide_ms == 0 ? question_.timeout_ms : question_.decide_ms;
    return {question_.timeout_ms, decide_ms, false};
  }

  const NodeId* acting(const Routes& routes, uint16_t partition) const {
    for (const NodeId* owner : routes.readers(partition)) {
      if (!failed_.contains(*owner) && context_.available(*owner)) return owner;
    }
    return nullptr;
  }

  void ask(const NodeId& node, const model::PartitionSet& share) {
    if (node == context_.options.self) {
      const bool known = desk_.serve(
          question_.type, question_.body({share, splits_}, kProtocolVersion), kProtocolVersion, 0,
          [self = shared_from_this(), node, share](const Result<std::string>& reply) {
            self->on_reply(node, share, reply.ok() ? Result<std::string_view>(*reply) : reply.status());
          });
      if (!known) on_reply(node, share, Status::internal("a question that no node answers"));
      return;
    }
    ++context_.figures.forwards;
    context_.peers->call(node, question_.type,
                         question_.body({share, splits_}, context_.peers->version_of(node)), wait(),
                         [self = shared_from_this(), node, share](const Result<std::string_view>& reply) {
                           self->on_reply(node, share, reply);
                         });
  }

  void on_reply(const NodeId& node, const model::PartitionSet& share, const Result<std::string_view>& reply) {
    Status status = reply.ok() ? question_.take(*reply) : reply.status();
    if (status.ok()) {
      open_partitions_ &= ~share;
    } else {
      final_ = final_ || !worth_asking_another(status);
      failure_ = std::move(status);
      failed_.insert(node);
    }
    one_less();
  }

  void one_less() {
    if (--open_ > 0) return;
    if (open_partitions_.none()) return std::exchange(done_, nullptr)({});
    if (final_ || (!held_ && ++rounds_ >= kRoundsMax)) {
      const bool ring = failure_.code() == StatusCode::failed_precondition;
      return std::exchange(done_, nullptr)(
          ring ? Status::unavailable("the cluster's ring is changing: try again") : std::move(failure_));
    }
    context_.loop.after(kRoundPauseMs, [self = shared_from_this()] { self->round(); });
  }

  Context& context_;
  Desk& desk_;
  const Question question_;
  std::function<void(Status)> done_;
  std::shared_ptr<const model::SplitTable> splits_;  // one for all answers: they must not overlap
  model::PartitionSet open_partitions_;
  std::set<NodeId> failed_;
  Status failure_;
  size_t open_ = 0;
  int rounds_ = 0, tables_ = 0;
  Patience patience_;
  bool held_ = false;  // some partitions wait for an owner that knows
  bool final_ = false;
};

}  // namespace

void start_gather(Context& context, Desk& desk, Question question, std::function<void(Status)> done) {
  context.loop.post([&context, &desk, question = std::move(question), done = std::move(done)]() mutable {
    std::make_shared<Gather>(context, desk, std::move(question), std::move(done))->round();
  });
}

}  // namespace ferro::node::cluster
