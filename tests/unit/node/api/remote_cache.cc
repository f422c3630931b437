#include "remote_cache.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ferro::node::api {

RemoteCache::RemoteCache(engine::Engine& engine, uint64_t seed)
    : near_(cache::make_local_cache(engine)), random_(seed), thread_([this] { run(); }) {}

RemoteCache::~RemoteCache() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RemoteCache::later(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  waiting_most = std::max(waiting_most, waiting_.size());
  changed_.notify_all();
}

void RemoteCache::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::swap(waiting_[random_() % waiting_.size()], waiting_.back());
    const std::function<void()> work = std::move(waiting_.back());
    waiting_.pop_back();
    lock.unlock();
    work();
    lock.lock();
  }
}

// What the request points to is gone when the lookup runs.
void RemoteCache::lookup(const engine::LookupRequest& request, cache::LookupOptions options,
                         cache::Done<engine::LookupResult> done) {
  reach = options.reach;
  read_repair = options.read_repair;
  if (!failure.ok() && ++lookups % fails_every == 0) return later([=, this] { done(failure); });
  later([=, this, vector = std::vector<float>(request.unit_vector.begin(), request.unit_vector.end()),
         text = std::string(request.query_text),
         attributes = request.attributes != nullptr ? *request.attributes : model::Attributes()] {
    engine::LookupRequest copy = request;
    copy.unit_vector = vector;
    copy.query_text = text;
    copy.attributes = attributes.empty() ? nullptr : &attributes;
    near_->lookup(copy, options, done);
  });
}

void RemoteCache::insert(engine::InsertRequest request, cache::Reach asked, cache::Done<std::string> done) {
  reach = asked;
  later([=, this] { failure.ok() ? near_->insert(request, asked, done) : done(failure); });
}

void RemoteCache::insert_batch(std::vector<engine::InsertRequest> requests, cache::Reach asked,
                               std::function<void(std::vector<Result<std::string>>)> done) {
  reach = asked;
  later([=, this] {
    if (failure.ok()) return near_->insert_batch(requests, asked, done);
    done(std::vector<Result<std::string>>(requests.size(), failure));
  });
}

void RemoteCache::remove(engine::RemoveRequest request, cache::Reach asked, cache::Done<uint64_t> done) {
  reach = asked;
  later([=, this] { failure.ok() ? near_->remove(request, asked, done) : done(failure); });
}

void RemoteCache::drop_namespace(model::NamespaceKey ns, cache::Done<uint64_t> done) {
  later([=, this] { failure.ok() ? near_->drop_namespace(ns, done) : done(failure); });
}

void RemoteCache::invalidate(engine::InvalidateRequest request, cache::Reach asked,
                             cache::Done<std::vector<std::string>> done) {
  reach = asked;
  later([=, this] { failure.ok() ? near_->invalidate(request, asked, done) : done(failure); });
}

void RemoteCache::find(cache::FindRequest request, cache::Reach asked,
                       cache::Done<std::vector<store::EntryView>> done) {
  reach = asked;
  later([=, this] { failure.ok() ? near_->find(request, asked, done) : done(failure); });
}

void RemoteCache::list_namespaces(cache::ListRequest request, cache::Done<cache::NamespaceList> done) {
  later([=, this] { failure.ok() ? near_->list_namespaces(request, done) : done(failure); });
}

void RemoteCache::top_entries(size_t top, size_t namespaces_max, cache::Done<cache::TopList> done) {
  later([=, this] { failure.ok() ? near_->top_entries(top, namespaces_max, done) : done(failure); });
}

void RemoteCache::count_entries(cache::Done<uint64_t> done) {
  later([=, this] { failure.ok() ? near_->count_entries(done) : done(failure); });
}

}  // namespace ferro::node::api
