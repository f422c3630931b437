// An engine on a folder of its own with a clock that the test moves, and calls that wait for their answer.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "common/io/file_system.h"
#include "common/time/clock.h"
#include "node/engine/engine.h"

namespace ferro::node::engine {

#if defined(__SANITIZE_THREAD__)
// The worker that builds graphs yields to everybody else, and gets little of a machine that others use too.
inline constexpr std::chrono::seconds kAnswerWithin{600};
#else
inline constexpr std::chrono::seconds kAnswerWithin{60};
#endif

// The answer of one asynchronous call. `done()` may outlive this object.
template <typename T>
class Answer {
 public:
  Answer() : promise_(std::make_shared<std::promise<T>>()), future_(promise_->get_future()) {}
  auto done() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  bool ready() const { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  T get() {
    if (future_.wait_for(kAnswerWithin) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      std::abort();  // a test that goes on would wait for ever
    }
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<T>> promise_;
  std::future<T> future_;
};

// An engine without threads works only when told to.
inline void settle(Engine& engine) {
  if (engine.options().manual) engine.pump();
}

// Holds the writer thread inside a callback, so that what is sent meanwhile is taken as one batch.
class WriterHold {
 public:
  explicit WriterHold(Engine& engine) : engine_(engine), held_(std::make_shared<std::promise<void>>()) {
    if (engine.options().manual) return;  // holds by itself
    Answer<Result<uint64_t>> reached;
    engine.remove({"no-such-id", std::nullopt, std::nullopt},
                  [done = reached.done(), gate = held_->get_future().share()](Result<uint64_t> result) {
                    done(std::move(result));
                    gate.wait();
                  });
    EXPECT_FALSE(reached.get().ok());
  }
  ~WriterHold() { release(); }
  void release() {
    if (!std::exchange(released_, true)) held_->set_value();
    settle(engine_);
  }

 private:
  Engine& engine_;
  std::shared_ptr<std::promise<void>> held_;
  bool released_ = false;
};

// A unit vector in the plane of the first two axes: cosine between two of them is that of the angle's
// difference.
inline std::vector<float> unit_at(double degrees, size_t dimension = 4) {
  std::vector<float> vector(dimension, 0.0F);
  vector[0] = static_cast<float>(std::cos(degrees * std::numbers::pi / 180));
  vector[1] = static_cast<float>(std::sin(degrees * std::numbers::pi / 180));
  return vector;
}

inline InsertRequest entry(const std::string& id, double degrees, const std::string& response = "answer",
                           const model::NamespaceKey& ns = {"m::4", "", ""}) {
  InsertRequest request;
  request.ns = ns;
  request.id = id;
  request.unit_vector = unit_at(degrees);
  request.query_text = "question " + id;
  request.response = response;
  return request;
}

inline Result<std::string> insert(Engine& engine, InsertRequest request) {
  Answer<Result<std::string>> answer;
  engine.insert(std::move(request), answer.done());
  settle(engine);
  return answer.get();
}
inline std::vector<Result<std::string>> insert_batch(Engine& engine, std::vector<InsertRequest> requests) {
  Answer<std::vector<Result<std::string>>> answer;
  engine.insert_batch(std::move(requests), answer.done());
  settle(engine);
  return answer.get();
}
inline Result<uint64_t> remove(Engine& engine, RemoveRequest request) {
  Answer<Result<uint64_t>> answer;
  engine.remove(std::move(request), answer.done());
  settle(engine);
  return answer.get();
}
inline Result<uint64_t> drop(Engine& engine, model::NamespaceKey ns) {
  Answer<Result<uint64_t>> answer;
  engine.drop_namespace({std::move(ns)}, answer.done());
  settle(engine);
  return answer.get();
}
inline Result<std::vector<std::string>> invalidate(Engine& engine, InvalidateRequest request) {
  Answer<Result<std::vector<std::string>>> answer;
  engine.invalidate(std::move(request), answer.done());
  settle(engine);
  return answer.get();
}
inline Result<CompactResult> compact(Engine& engine) {
  Answer<Result<CompactResult>> answer;
  engine.compact(answer.done());
  settle(engine);
  return answer.get();
}

inline Result<uint64_t> apply_copies(Engine& engine, std::vector<model::Operation> operations) {
  Answer<Result<uint64_t>> answer;
  engine.apply_replicated(std::move(operations), answer.done());
  settle(engine);
  return answer.get();
}
inline Result<uint64_t> purge(Engine& engine, std::vector<store::EntryRef> entries) {
  Answer<Result<uint64_t>> answer;
  engine.purge(std::move(entries), answer.done());
  settle(engine);
  return answer.get();
}

inline Result<LookupResult> look_up(Engine& engine, const model::NamespaceKey& ns, double degrees,
                                    std::string_view text = {}, float threshold = 0.9999F) {
  const std::vector<float> vector = unit_at(degrees);
  LookupRequest request;
  request.ns = ns;
  request.unit_vector = vector;
  request.query_text = text;
  request.threshold = threshold;
  return engine.lookup(request);
}

// The response stored under an id, or "" if none is.
inline std::string response_of(Engine& engine, const std::string& id) {
  const auto found = engine.find(id, false);
  return found.empty() ? std::string() : found.front().response;
}

// Opens an engine over any file system; what the tests usually change is in `options`.
class EngineHarness {
 public:
  EngineHarness(io::FileSystem& file_system, std::string folder) : fs(file_system) {
    options.data_folder = std::move(folder);
    options.wal_segment_bytes = 64U << 10;
    options.compact_interval_inserts = 0;
  }
  ~EngineHarness() { close(); }

  Status open() {
    close();
    report = {};
    auto opened = Engine::open(options, fs, clock, report);
    if (!opened.ok()) return opened.status();
    engine = std::move(*opened);
    return {};
  }
  void close() {
    if (engine != nullptr) engine->stop();
    engine.reset();
  }
  Engine& operator*() const { return *engine; }
  Engine* operator->() const { return engine.get(); }

  io::FileSystem& fs;
  EngineOptions options;
  ManualClock clock;
  OpenReport report;
  std::unique_ptr<Engine> engine;
};

// For tests that must hold with threads and without: the parameter is EngineOptions::manual.
inline std::string name_of_mode(const ::testing::TestParamInfo<bool>& mode) {
  return mode.param ? "Manual" : "Threads";
}

}  // namespace ferro::node::engine
