#include "node/cluster/core/lookup_task.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <utility>

#include "node/cluster/core/candidates.h"
#include "node/cluster/core/merge_hits.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// The next owner is asked as well when the first has not answered after three times its usual time.
constexpr double kHedgeAfterLatencies = 3.0;
constexpr int64_t kHedgeMsMin = 10;
// Passes over the owners: the ring may be changing under the request.
constexpr int kPassesMax = 3;
constexpr int64_t kPassPauseMs = 20;

using Answer = Result<engine::LookupResult>;

// One namespace's part (or a conversation and its base, where one node owns both). Mostly one owner has all
// of it; of a split namespace every shard is asked, and what lies with one owner in one message.
class Ask : public std::enable_shared_from_this<Ask> {
 public:
  Ask(Context& context, Desk& desk, LookupMessage message, std::function<void(Answer)> done)
      : context_(context),
        desk_(desk),
        message_(std::move(message)),
        ns_hash_(model::namespace_hash(message_.ns)),
        done_(std::move(done)),
        patience_(context) {}

  void start() {
    deadline_ms_ = now_ms() + context_.options.request_timeout_ms * 2;
    ask_next(model::kAllSlots, Whom::anybody);
  }

 private:
  // An owner that is not ready may have missed writes: it is asked where no other one answers, and never only
  // because another one takes its time.
  enum class Whom : uint8_t { anybody, ready };

  int64_t now_ms() const { return context_.loop.clock().steady_ns() / 1'000'000; }

  // Parts are put together by what every owner understands alike, and counted once, as one query.
  void prepare_parts() {
    is_split_ = true;
    if (!message_.threshold) message_.threshold = context_.engine.options().default_threshold;
    counts_ = std::exchange(message_.count, false) && ever_asked_ == 0;
  }

  // Asks another owner for each of these slots that has no answer yet.
  void ask_next(model::SlotSet wanted, Whom whom) {
    if (!done_) return;
    const auto routes = context_.routes.get();
    if (!is_split_ && routes->splits()->degree_of(ns_hash_) != 0) prepare_parts();
    std::map<NodeId, model::SlotSet> groups;
    model::SlotSet orphaned = 0, held = 0;
    for (const auto& shard : routes->splits()->shards_of(ns_hash_)) {
      const model::SlotSet slots = shard.slots & wanted & ~answered_;
      if (slots == 0) continue;
      if (whom == Whom::anybody && patience_.holds(*routes, shard.partition)) {
        held |= slots;
        continue;
      }
      if (const NodeId* node = candidate(*routes, shard.partition, slots, whom); node != nullptr) {
        groups[*node] |= slots;
      } else {
        orphaned |= slots;
      }
    }
    orphaned &= ~under_way();
    for (const auto& [node, slots] : groups) {
      if (done_) ask(node, slots);
    }
    if (held != 0 && done_) ask_soon(held);
    if (orphaned != 0 && done_ && whom == Whom::anybody) start_over(orphaned);
  }

  void ask_soon(model::SlotSet slots) {
    if (std::exchange(held_, held_ | slots) != 0) return;  // waits already
    context_.loop.after(kPassPauseMs, [self = shared_from_this()] {
      self->ask_next(std::exchange(self->held_, 0), Whom::anybody);
    });
  }

  // An owner that was not asked for any of these in this pass; this node itself, if it is one, before others.
  const NodeId* candidate(const Routes& routes, uint16_t partition, model::SlotSet slots, Whom whom) {
    const auto free = [&](const NodeId& node) {
      const auto asked = asked_.find(node);
      return (asked == asked_.end() || (asked->second & slots) == 0) && context_.available(node);
    };
    const auto owners = whom == Whom::ready ? routes.ready_readers(partition) : routes.readers(partition);
    if (is_split_ && routes.reads_here(partition) && free(routes.self())) return &routes.self();
    const auto found =
        std::find_if(owners.begin(), owners.end(), [&](const NodeId* node) { return free(*node); });
    return found == owners.end() ? nullptr : *found;
  }

  void ask(const NodeId& node, model::SlotSet slots) {
    const bool again = (ever_asked_ & slots) != 0;
    ever_asked_ |= slots;
    asked_[node] |= slots;
    calls_.push_back(slots);
    LookupMessage message = message_;
    message.slots = slots;
    if (node == context_.options.self) {
      // A peer would be refused just so; another pass asks the one that knows once more.
      if (Status knows = patience_.is_over() ? Status() : desk_.check_knows(message.ns, slots); !knows.ok()) {
        refused_here_ = true;
        return on_answer(slots, std::move(knows));
      }
      return desk_.serve_lookup(std::move(message), [self = shared_from_this(), slots](Answer answer) {
        self->on_answer(slots, std::move(answer));
      });
    }
    arm_hedge(node);
    ++(again ? context_.figures.hedged_lookups : context_.figures.forwards);
    message.count = message_.count && !again;
    context_.peers->call(node, MessageType::lookup, encode(message, context_.peers->version_of(node)),
                         context_.options.request_timeout_ms,
                         [self = shared_from_this(), slots](const Result<std::string_view>& body) {
                           if (!body.ok()) return self->on_answer(slots, body.status());
                           auto reply = decode<LookupReply>(*body);
                           self->on_answer(slots,
                                           reply.ok() ? Answer(std::move(reply->result)) : reply.status());
                         });
  }

  void arm_hedge(const NodeId& node) {
    const double usual_ms = context_.peers->latency_ms(node);
    const int64_t hedge_ms = std::clamp(static_cast<int64_t>(usual_ms * kHedgeAfterLatencies), kHedgeMsMin,
                                        std::max(kHedgeMsMin, context_.options.request_timeout_ms / 2));
    if (hedge_ != 0) context_.loop.cancel(hedge_);
    hedge_ = context_.loop.after(hedge_ms, [self = shared_from_this()] {
      self->hedge_ = 0;
      self->ask_next(model::kAllSlots, Whom::ready);
    });
  }

  model::SlotSet under_way() const {
    model::SlotSet slots = 0;
    for (const model::SlotSet call : calls_) slots |= call;
    return slots;
  }

  void on_answer(model::SlotSet slots, Answer answer) {
    calls_.erase(std::find(calls_.begin(), calls_.end(), slots));
    if (!done_ || (slots & ~answered_) == 0) return;  // another one was faster
    if (answer.ok() && (slots & answered_) == 0) {
      answered_ |= slots;
      parts_.push_back(*std::move(answer));
      if (answered_ == model::kAllSlots) finish();
      return;
    }
    if (!answer.ok() && !worth_asking_another(answer.status())) return end(std::move(answer));
    // Asked while the ring changed, it answers for slots that others have answered for, too.
    last_failure_ = answer.ok() ? Status::unavailable("the cluster's ring is changing") : answer.status();
    ask_next(slots, Whom::anybody);
  }

  // Everybody was asked in vain.
  void start_over(model::SlotSet slots) {
    if (std::exchange(again_, again_ | slots) != 0) return;  // waits already
    const bool counts = !std::exchange(refused_here_, false);
    if ((counts && ++passes_ >= kPassesMax) || now_ms() + kPassPauseMs > deadline_ms_) {
      const bool nobody = last_failure_.code() == StatusCode::failed_precondition || last_failure_.ok() ||
                          last_failure_.code() == StatusCode::unavailable;
      if (!nobody) return end(last_failure_);
      const auto slot = static_cast<unsigned>(std::countr_zero(slots));
      return end(Candidates(context_, ns_hash_, slot).nobody());
    }
    context_.loop.after(kPassPauseMs, [self = shared_from_this()] {
      const model::SlotSet again = std::exchange(self->again_, 0);
      for (auto& [node, asked] : self->asked_) asked &= ~again;
      self->ask_next(again, Whom::anybody);
    });
  }

  void finish() {
    if (parts_.size() == 1 && !is_split_) return end(std::move(parts_.front()));
    engine::LookupResult merged =
        merge_hits(std::move(parts_), message_.threshold.value_or(0.0F), message_.top_k);
    merged.from_conversation = message_.ns.is_conversation() && !merged.hits.empty();
    if (counts_) {
      context_.engine.count_lookup(message_.ns.base(), merged.hits.empty() ? nullptr : &merged.hits.front());
    }
    end(std::move(merged));
  }

  void end(Answer answer) {
    if (hedge_ != 0) context_.loop.cancel(std::exchange(hedge_, 0));
    std::exchange(done_, nullptr)(std::move(answer));
  }

  Context& context_;
  Desk& desk_;
  LookupMessage message_;
  const uint64_t ns_hash_;
  std::function<void(Answer)> done_;  // empty once called
  bool is_split_ = false, counts_ = false;
  model::SlotSet answered_ = 0, ever_asked_ = 0, again_ = 0, held_ = 0;
  std::map<NodeId, model::SlotSet> asked_;  // in this pass
  std::vector<model::SlotSet> calls_;       // under way
  std::vector<engine::LookupResult> parts_;
  int passes_ = 0;
  bool refused_here_ = false;  // in this pass, by this node itself: others are waited for
  Patience patience_;
  int64_t deadline_ms_ = 0;
  Loop::TimerId hedge_ = 0;
  Status last_failure_;
};

void ask(Context& context, Desk& desk, LookupMessage message, std::function<void(Answer)> done) {
  std::make_shared<Ask>(context, desk, std::move(message), std::move(done))->start();
}

// A conversation and its base, asked at once. The conversation's hit wins, and without its answer there is
// none: the base must never answer for it. A vector that does not fit one of the two is refused whatever the
// other finds, and by the base if it fits neither, as on a single node.
struct Pair {
  model::NamespaceKey base_ns;
  std::optional<Answer> conversation, base;
  engine::Done<engine::LookupResult> done;

  void settle(engine::Engine& engine) {
    if (!conversation || !base) return;
    const bool hit = conversation->ok() && !(*conversation)->hits.empty();
    const bool base_refuses = !base->ok() && base->status().code() == StatusCode::invalid_argument;
    const bool base_answers = base_refuses || (conversation->ok() && !hit);
    Answer answer = base_answers ? std::move(*base) : std::move(*conversation);
    if (answer.ok()) {
      answer->from_conversation = hit;
      engine.count_lookup(base_ns, answer->hits.empty() ? nullptr : &answer->hits.front());
    }
    done(std::move(answer));
  }
};

}  // namespace

void start_lookup(Context& context, Desk& desk, LookupMessage message,
                  engine::Done<engine::LookupResult> done) {
  context.loop.post([&context, &desk, message = std::move(message), done = std::move(done)]() mutable {
    if (!message.ns.is_conversation()) return ask(context, desk, std::move(message), std::move(done));
    auto pair = std::make_shared<Pair>();
    pair->base_ns = message.ns.base();
    pair->done = std::move(done);
    // Each by itself is no query of a client: both together are counted once, here.
    message.count = false;
    LookupMessage base = message;
    base.ns = pair->base_ns;
    message.only_this_namespace = true;
    ask(context, desk, std::move(message), [&context, pair](Answer answer) {
      pair->conversation = std::move(answer);
      pair->settle(context.engine);
    });
    ask(context, desk, std::move(base), [&context, pair](Answer answer) {
      pair->base = std::move(answer);
      pair->settle(context.engine);
    });
  });
}

}  // namespace ferro::node::cluster
