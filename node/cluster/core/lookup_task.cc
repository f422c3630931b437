#include "node/cluster/core/lookup_task.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "node/cluster/core/candidates.h"
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

// One namespace's part (or a conversation and its base, where one node owns both).
class Ask : public std::enable_shared_from_this<Ask> {
 public:
  Ask(Context& context, Desk& desk, LookupMessage message, std::function<void(Answer)> done)
      : context_(context),
        desk_(desk),
        message_(std::move(message)),
        candidates_(context, model::partition_of(message_.ns)),
        done_(std::move(done)) {}

  void start() {
    deadline_ms_ = now_ms() + context_.options.request_timeout_ms * 2;
    ask_next();
  }

 private:
  int64_t now_ms() const { return context_.loop.clock().steady_ns() / 1'000'000; }

  void ask_next() {
    if (!done_) return;
    const auto node = candidates_.next();
    if (!node) {
      if (open_ > 0) return;
      return start_over();
    }
    ++open_;
    if (*node == context_.options.self) {
      return desk_.serve_lookup(
          message_, [self = shared_from_this()](Answer answer) { self->on_answer(std::move(answer)); });
    }
    arm_hedge(*node);
    if (asked_once_) {
      ++context_.figures.hedged_lookups;
    } else {
      ++context_.figures.forwards;
    }
    LookupMessage message = message_;
    message.count = message_.count && !asked_once_;
    asked_once_ = true;
    context_.peers->call(*node, MessageType::lookup, encode(message, context_.peers->version_of(*node)),
                         context_.options.request_timeout_ms,
                         [self = shared_from_this()](const Result<std::string_view>& body) {
                           if (!body.ok()) return self->on_answer(body.status());
                           auto reply = decode<LookupReply>(*body);
                           self->on_answer(reply.ok() ? Answer(std::move(reply->result)) : reply.status());
                         });
  }

  void arm_hedge(const NodeId& node) {
    const double usual_ms = context_.peers->latency_ms(node);
    const int64_t hedge_ms = std::clamp(static_cast<int64_t>(usual_ms * kHedgeAfterLatencies), kHedgeMsMin,
                                        std::max(kHedgeMsMin, context_.options.request_timeout_ms / 2));
    if (hedge_ != 0) context_.loop.cancel(hedge_);
    hedge_ = context_.loop.after(hedge_ms, [self = shared_from_this()] {
      self->hedge_ = 0;
      self->ask_next();
    });
  }

  void on_answer(Answer answer) {
    --open_;
    if (!done_) return;  // the other one was faster
    if (answer.ok() || !worth_asking_another(answer.status())) return finish(std::move(answer));
    last_failure_ = answer.status();
    ask_next();
  }

  // Everybody was asked in vain.
  void start_over() {
    if (++passes_ >= kPassesMax || now_ms() + kPassPauseMs > deadline_ms_) {
      return finish(last_failure_.code() == StatusCode::failed_precondition || last_failure_.ok() ||
                            last_failure_.code() == StatusCode::unavailable
                        ? candidates_.nobody()
                        : last_failure_);
    }
    candidates_.start_again();
    context_.loop.after(kPassPauseMs, [self = shared_from_this()] { self->ask_next(); });
  }

  void finish(Answer answer) {
    if (hedge_ != 0) context_.loop.cancel(std::exchange(hedge_, 0));
    std::exchange(done_, nullptr)(std::move(answer));
  }

  Context& context_;
  Desk& desk_;
  const LookupMessage message_;
  Candidates candidates_;
  std::function<void(Answer)> done_;  // empty once called
  int open_ = 0, passes_ = 0;
  bool asked_once_ = false;
  int64_t deadline_ms_ = 0;
  Loop::TimerId hedge_ = 0;
  Status last_failure_;
};

void ask(Context& context, Desk& desk, LookupMessage message, std::function<void(Answer)> done) {
  std::make_shared<Ask>(context, desk, std::move(message), std::move(done))->start();
}

// A conversation and its base, asked at once. The conversation's hit wins, and without its answer there is
// none: the base must never answer for it. A vector that does not fit one of the two is refused whatever the
// other finds, as on a single node.
struct Pair {
  model::NamespaceKey base_ns;
  std::optional<Answer> conversation, base;
  engine::Done<engine::LookupResult> done;

  void settle(engine::Engine& engine) {
    if (!conversation || !base) return;
    const bool hit = conversation->ok() && !(*conversation)->hits.empty();
    const bool base_refuses = !base->ok() && base->status().code() == StatusCode::invalid_argument;
    Answer answer = !conversation->ok()    ? std::move(*conversation)
                    : hit && !base_refuses ? std::move(*conversation)
                                           : std::move(*base);
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
