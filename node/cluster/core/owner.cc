#include "node/cluster/core/owner.h"

#include <memory>
#include <utility>

namespace ferro::node::cluster {

template <typename T>
engine::Done<T> Owner::with_copies(engine::WriteTag tag, engine::Done<T> done) {
  return [this, tag, done = std::move(done)](Result<T> result) {
    loop_.post([this, tag, done, result = std::move(result)]() mutable {
      if (!result.ok()) {
        replicator_.abandon(tag);
        return done(std::move(result));
      }
      replicator_.await(tag, [done, result = std::move(result)](const Status& copies) mutable {
        done(copies.ok() ? std::move(result) : Result<T>(copies));
      });
    });
  };
}

void Owner::insert(engine::InsertRequest request, engine::Done<std::string> done) {
  request.tag = replicator_.open();
  auto finish = with_copies<std::string>(request.tag, std::move(done));
  engine_.insert(std::move(request), std::move(finish));
}

void Owner::insert_batch(std::vector<engine::InsertRequest> requests,
                         std::function<void(InsertResults)> done) {
  struct Waiting {
    InsertResults results;
    size_t open = 0;
    std::function<void(InsertResults)> done;
  };
  std::vector<engine::WriteTag> tags;
  for (engine::InsertRequest& request : requests) {
    request.tag = replicator_.open();
    tags.push_back(request.tag);
  }
  engine_.insert_batch(std::move(requests), [this, tags = std::move(tags),
                                             done = std::move(done)](InsertResults results) mutable {
    loop_.post([this, tags = std::move(tags), done = std::move(done),
                results = std::move(results)]() mutable {
      auto waiting = std::make_shared<Waiting>(Waiting{std::move(results), tags.size() + 1, std::move(done)});
      const auto one_less = [waiting] {
        if (--waiting->open == 0) waiting->done(std::move(waiting->results));
      };
      for (size_t i = 0; i < tags.size(); ++i) {
        if (!waiting->results[i].ok()) {
          replicator_.abandon(tags[i]);
          one_less();
          continue;
        }
        replicator_.await(tags[i], [waiting, i, one_less](const Status& copies) {
          if (!copies.ok()) waiting->results[i] = copies;
          one_less();
        });
      }
      one_less();
    });
  });
}

namespace {

// Removing nothing is for the entry node to judge: another partition may have had something.
engine::Done<uint64_t> none_is_zero(engine::Done<uint64_t> done) {
  return [done = std::move(done)](Result<uint64_t> removed) {
    if (!removed.ok() && removed.status().code() == StatusCode::not_found) return done(uint64_t{0});
    done(std::move(removed));
  };
}

}  // namespace

void Owner::remove(engine::RemoveRequest request, engine::Done<uint64_t> done) {
  request.tag = replicator_.open();
  auto finish = none_is_zero(with_copies<uint64_t>(request.tag, std::move(done)));
  engine_.remove(std::move(request), std::move(finish));
}

void Owner::drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done) {
  request.tag = replicator_.open();
  auto finish = none_is_zero(with_copies<uint64_t>(request.tag, std::move(done)));
  engine_.drop_namespace(std::move(request), std::move(finish));
}

void Owner::invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done) {
  request.tag = replicator_.open();
  auto finish = with_copies<std::vector<std::string>>(request.tag, std::move(done));
  engine_.invalidate(std::move(request), std::move(finish));
}

}  // namespace ferro::node::cluster
