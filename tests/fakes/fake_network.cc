#include "tests/fakes/fake_network.h"

#include <algorithm>

#include "common/base/assert.h"

namespace ferro::fakes {

using node::cluster::Endpoint;

// One side of a link. Kept by its network while open, and by events under way.
struct FakeFabric::End {
  FakeNetwork::LinkId id = 0;
  bool up = false, open = true, watched = false;
  Endpoint to;
  std::string host, other_host;
  FakeNetwork* network = nullptr;  // null once closed
  std::shared_ptr<node::cluster::LinkHandler*> handler;
  Timeline::Owner loop = 0;
  std::weak_ptr<End> other;
  std::deque<std::string> waiting;
  size_t waiting_bytes = 0;
  size_t under_way_bytes = 0;   // not acknowledged yet
  size_t ack_lost_bytes = 0;    // of them: arrived, but the way back is blocked
  int64_t last_arrival_us = 0;  // at the other side: nothing overtakes it
  int64_t progress_us = 0;

  bool is_idle() const { return waiting.empty() && under_way_bytes == 0; }
};

Path& FakeFabric::path(const std::string& from, const std::string& to) {
  return paths_.try_emplace({from, to}, defaults).first->second;
}

int64_t FakeFabric::travel_us(const std::string& from, const std::string& to, size_t bytes) {
  const Path& taken = path(from, to);
  int64_t time_us = taken.latency_us;
  if (taken.jitter_us > 0)
    time_us += static_cast<int64_t>(timeline_.chance().below(static_cast<uint64_t>(taken.jitter_us)));
  if (taken.bytes_per_ms > 0) time_us += static_cast<int64_t>(bytes) * 1000 / taken.bytes_per_ms;
  return time_us;
}

std::vector<FakeFabric::EndPointer> FakeFabric::ends() const {
  std::vector<EndPointer> open;
  for (const auto& [id, weak] : ends_) {
    if (auto end = weak.lock(); end && end->open) open.push_back(std::move(end));
  }
  return open;
}

FakeNetwork* FakeFabric::listener(const Endpoint& at) const {
  const auto found = listeners_.find(at);
  return found == listeners_.end() ? nullptr : found->second;
}

void FakeFabric::block(const std::string& from, const std::string& to, bool blocked) {
  path(from, to).blocked = blocked;
  if (blocked) return;
  for (const EndPointer& end : ends()) {
    if (end->host == to && end->other_host == from) {
      end->under_way_bytes -= std::exchange(end->ack_lost_bytes, 0);
      end->progress_us = timeline_.now_us();
      pump(end);
    }
    if (end->host == from && end->other_host == to) pump(end);
  }
  for (const EndPointer& end : std::exchange(resets_, {})) tell_reset(end);
}

void FakeFabric::block_both(const std::string& a, const std::string& b, bool blocked) {
  block(a, b, blocked);
  block(b, a, blocked);
}

void FakeFabric::break_links(const std::string& a, const std::string& b) {
  for (const EndPointer& end : ends()) {
    const bool between = (end->host == a && end->other_host == b) || (end->host == b && end->other_host == a);
    if (between && end->up) fail(end, "connection reset");
  }
}

// The side that connects has knocked: the kernel answers even if the process hangs.
void FakeFabric::arrive(const EndPointer& connecting) {
  if (!connecting->open) return;
  if (path(connecting->other_host, connecting->host).blocked) return;  // the answer is lost: it times out
  FakeNetwork* const accepting = listener(connecting->to);
  const int64_t back_us = travel_us(connecting->other_host, connecting->host, 0);
  if (accepting == nullptr || *accepting->handler_ == nullptr) {
    timeline_.at(0, back_us, [this, connecting] { fail(connecting, "connection refused"); });
    return;
  }
  const EndPointer accepted = accepting->add_end({}, connecting->host);
  accepted->other = connecting;
  connecting->other = accepted;
  timeline_.at(connecting->loop, back_us, [connecting] {
    if (!connecting->open) return;
    connecting->up = true;
    (*connecting->handler)->on_link_up(connecting->id, true);
  });
  const int64_t third_us = back_us + travel_us(connecting->host, connecting->other_host, 0);
  connecting->last_arrival_us = timeline_.now_us() + third_us;
  timeline_.at(accepted->loop, third_us, [accepted] {
    if (!accepted->open) return;
    accepted->up = true;
    (*accepted->handler)->on_link_up(accepted->id, false);
  });
}

// Sends what the window allows.
void FakeFabric::pump(const EndPointer& end) {
  while (end->open && end->up && !end->waiting.empty() && end->under_way_bytes < FakeNetwork::kWindowBytes &&
         !path(end->host, end->other_host).blocked) {
    std::string frame = std::move(end->waiting.front());
    end->waiting.pop_front();
    end->waiting_bytes -= frame.size();
    end->under_way_bytes += frame.size() + 1;  // an empty frame is under way too
    if (timeline_.chance().happens(path(end->host, end->other_host).break_chance))
      return fail(end, "connection reset");
    const int64_t now_us = timeline_.now_us();
    const int64_t travels_us = travel_us(end->host, end->other_host, frame.size());
    end->last_arrival_us = std::max(end->last_arrival_us, now_us + travels_us);
    const EndPointer other = end->other.lock();
    timeline_.at(other ? other->loop : 0, end->last_arrival_us - now_us,
                 [this, end, frame = std::move(frame)] { deliver(end, frame); });
  }
  watch(end);
}

void FakeFabric::deliver(const EndPointer& from, const std::string& frame) {
  const EndPointer to = from->other.lock();
  if (!to || !to->open) {
    const int64_t back_us = travel_us(from->other_host, from->host, 0);
    const int64_t behind_us =
        to ? to->last_arrival_us - timeline_.now_us() : 0;  // what it sent before it ended
    timeline_.at(0, std::max(back_us, behind_us), [this, from] { tell_reset(from); });
    return;
  }
  ++frames_delivered_;
  bytes_delivered_ += frame.size();
  if (path(from->other_host, from->host).blocked) {
    from->ack_lost_bytes += frame.size() + 1;
  } else {
    from->under_way_bytes -= frame.size() + 1;
    from->progress_us = timeline_.now_us();
  }
  (*to->handler)->on_frame(to->id, frame);
  pump(from);
}

// Breaks the link if nothing is acknowledged for too long.
void FakeFabric::watch(const EndPointer& end) {
  if (end->watched || !end->open || end->is_idle()) return;
  end->watched = true;
  timeline_.at(0, FakeNetwork::kStallLimitMs * 1000, [this, end] { check_stall(end); });
}

void FakeFabric::check_stall(const EndPointer& end) {
  end->watched = false;
  if (!end->open || end->is_idle()) return;
  const int64_t left_us = end->progress_us + FakeNetwork::kStallLimitMs * 1000 - timeline_.now_us();
  if (left_us <= 0) return fail(end, "connection timed out");
  end->watched = true;
  timeline_.at(0, left_us, [this, end] { check_stall(end); });
}

// This side is over and its node told; the other learns of it if it can be reached.
void FakeFabric::fail(const EndPointer& end, const std::string& why) {
  if (!end->open) return;
  end->network->links_.erase(end->id);
  reset_other(end);
  timeline_.at(end->loop, 0, [handler = end->handler, id = end->id, why] {
    if (*handler != nullptr) (*handler)->on_link_down(id, Status::unavailable(why));
  });
}

// Closes this side without a word to its own node.
void FakeFabric::reset_other(const EndPointer& end) {
  end->open = false;
  end->network = nullptr;
  end->waiting.clear();
  ends_.erase(end->id);
  if (const EndPointer other = end->other.lock(); other && other->open) {
    const int64_t now_us = timeline_.now_us();
    const int64_t arrival_us =
        std::max(end->last_arrival_us, now_us + travel_us(end->host, end->other_host, 0));
    // Behind what is on the way, in the kernel: the process may hang.
    timeline_.at(0, arrival_us - now_us, [this, other] { tell_reset(other); });
  }
}

// `end`'s other side is gone: says so once the way from there is free.
void FakeFabric::tell_reset(const EndPointer& end) {
  if (!end->open) return;
  if (path(end->other_host, end->host).blocked) return resets_.push_back(end);
  fail(end, "connection reset");
}

FakeNetwork::FakeNetwork(FakeFabric& fabric, ManualLoop& loop, Endpoint listening)
    : fabric_(fabric),
      loop_(loop),
      listening_(std::move(listening)),
      handler_(std::make_shared<node::cluster::LinkHandler*>(nullptr)) {
  const bool is_free = fabric_.listeners_.emplace(listening_, this).second;
  FERRO_ASSERT(is_free, "two networks listen at one endpoint");
}

FakeFabric::EndPointer FakeNetwork::add_end(const Endpoint& to, const std::string& other_host) {
  auto end = std::make_shared<FakeFabric::End>();
  end->id = ++fabric_.last_link_;
  end->to = to;
  end->host = listening_.host;
  end->other_host = other_host;
  end->network = this;
  end->handler = handler_;
  end->loop = loop_.owner();
  links_[end->id] = end;
  fabric_.ends_[end->id] = end;
  return end;
}

FakeNetwork::LinkId FakeNetwork::connect(const Endpoint& to) {
  FERRO_ASSERT(!stopped_, "connect() after stop()");
  Endpoint target = to;
  if (const auto named = fabric_.names_.find(to.host);
      named != fabric_.names_.end() && !named->second.empty())
    target.host = named->second.front();
  const auto end = add_end(target, target.host);
  Timeline& timeline = loop_.timeline();
  FakeFabric* const fabric = &fabric_;
  if (!fabric_.path(listening_.host, target.host).blocked) {
    timeline.at(0, fabric_.travel_us(listening_.host, target.host, 0),
                [fabric, end] { fabric->arrive(end); });
  }
  timeline.at(0, kConnectTimeoutMs * 1000, [fabric, end] {
    if (!end->up) fabric->fail(end, "connection timed out");
  });
  return end->id;
}

bool FakeNetwork::send(LinkId link, std::string frame) {
  const auto found = links_.find(link);
  if (found == links_.end() || !found->second->up || frame.size() > node::cluster::kFrameBytesMax)
    return false;
  const auto end = found->second;
  if (end->is_idle()) end->progress_us = loop_.timeline().now_us();
  end->waiting_bytes += frame.size();
  end->waiting.push_back(std::move(frame));
  fabric_.pump(end);
  return true;
}

size_t FakeNetwork::waiting_bytes(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? 0 : found->second->waiting_bytes;
}

void FakeNetwork::close(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const auto end = found->second;
  links_.erase(found);
  fabric_.reset_other(end);
}

void FakeNetwork::resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) {
  Result<std::vector<Endpoint>> answer = Status::unavailable("no such name: " + name.host);
  if (const auto named = fabric_.names_.find(name.host); named != fabric_.names_.end()) {
    std::vector<Endpoint> found;
    for (const std::string& host : named->second) found.push_back({host, name.port});
    if (!found.empty()) answer = std::move(found);
  } else {
    const auto is_host = [&](const auto& entry) { return entry.first.host == name.host; };
    if (std::any_of(fabric_.listeners_.begin(), fabric_.listeners_.end(), is_host))
      answer = std::vector<Endpoint>{name};
  }
  loop_.after(1, [done = std::move(done), answer = std::move(answer)] { done(answer); });
}

void FakeNetwork::stop() {
  if (std::exchange(stopped_, true)) return;
  fabric_.listeners_.erase(listening_);
  while (!links_.empty()) close(links_.begin()->first);
  *handler_ = nullptr;
}

}  // namespace ferro::fakes
