#include "node/cluster/core/owner.h"

#include <map>
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

// The shard that the entry falls into, by the ring in force.
void Owner::place(engine::InsertRequest& request) const {
  const auto splits = routes_.get()->splits();
  if (splits->empty()) return;
  const uint64_t hash = model::namespace_hash(request.ns);
  const unsigned degree = splits->degree_of(hash);
  request.shard = model::slots_of_shard(degree, model::slot_of(request.id) & ((1U << degree) - 1));
}

bool Owner::knows_no_dimension(const engine::InsertRequest& request) const {
  const auto splits = routes_.get()->splits();
  if (splits->empty() || splits->degree_of(model::namespace_hash(request.ns)) == 0) return false;
  return engine_.store().dimension_of(request.ns, engine_.now_ms()) == 0;
}

void Owner::insert(engine::InsertRequest request, engine::Done<std::string> done) {
  if (knows_no_dimension(request)) {
    std::vector<engine::InsertRequest> requests;
    requests.push_back(std::move(request));
    return insert_batch(std::move(requests), [done = std::move(done)](InsertResults results) {
      done(std::move(results.front()));
    });
  }
  place(request);
  request.tag = replicator_.open();
  auto finish = with_copies<std::string>(request.tag, std::move(done));
  engine_.insert(std::move(request), std::move(finish));
}

// One question for each namespace and dimension that is in doubt; then what is left is decided as a whole.
void Owner::insert_batch(std::vector<engine::InsertRequest> requests,
                         std::function<void(InsertResults)> done) {
  using Doubt = std::pair<std::string, size_t>;  // printed name, dimension
  struct Checked {
    std::vector<engine::InsertRequest> requests;
    std::map<Doubt, Status> doubts;
    size_t open = 0;
  };
  auto checked = std::make_shared<Checked>();
  std::map<Doubt, model::NamespaceKey> doubts;
  for (const engine::InsertRequest& request : requests) {
    if (!knows_no_dimension(request)) continue;
    doubts.emplace(Doubt{model::printed_name(request.ns), request.unit_vector.size()}, request.ns);
  }
  if (doubts.empty()) return decide_batch(std::move(requests), std::move(done));
  checked->requests = std::move(requests);
  checked->open = doubts.size();
  const auto settled = [this, checked, done = std::move(done)] {
    if (--checked->open > 0) return;
    InsertResults results(checked->requests.size(), Result<std::string>(std::string()));
    std::vector<engine::InsertRequest> fitting;
    std::vector<size_t> places;
    for (size_t i = 0; i < results.size(); ++i) {
      engine::InsertRequest& request = checked->requests[i];
      const auto doubt = checked->doubts.find({model::printed_name(request.ns), request.unit_vector.size()});
      if (doubt != checked->doubts.end() && !doubt->second.ok()) {
        results[i] = doubt->second;
      } else {
        places.push_back(i);
        fitting.push_back(std::move(request));
      }
    }
    if (fitting.empty()) return done(std::move(results));
    decide_batch(std::move(fitting), [results, places, done](InsertResults decided) mutable {
      for (size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(decided[i]);
      done(std::move(results));
    });
  };
  for (const auto& [doubt, ns] : doubts) {
    check_elsewhere_(ns, doubt.second, [checked, doubt = doubt, settled](Status status) {
      checked->doubts.emplace(doubt, std::move(status));
      settled();
    });
  }
}

void Owner::decide_batch(std::vector<engine::InsertRequest> requests,
                         std::function<void(InsertResults)> done) {
  struct Waiting {
    InsertResults results;
    size_t open = 0;
    std::function<void(InsertResults)> done;
  };
  std::vector<engine::WriteTag> tags;
  for (engine::InsertRequest& request : requests) {
    place(request);
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
