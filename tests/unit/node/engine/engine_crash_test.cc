// A scripted life of a node, cut at every file operation. Whatever the moment: all that was acknowledged is
// there, all that was deleted stays away, and nothing appears that was not asked for. Then life goes on and
// is cut again.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/obs/log.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using tests::fakes::FaultyFileSystem;

const model::NamespaceKey kPlain{"m::4", "", ""};
const model::NamespaceKey kBusy{"m::4", "busy", ""};  // fills up to the cap: puts into it evict

// What a reader would see: response by namespace and id.
using State = std::map<std::pair<std::string, std::string>, std::string>;

// What one step may change. Between its start and its answer each part of it may or may not have happened.
struct Effect {
  State puts;                                          // may stand
  std::set<std::pair<std::string, std::string>> goes;  // may be gone
  std::set<std::string> may_lose;                      // namespaces where something may be evicted
};

struct Step {
  Effect effect;
  std::function<bool(Engine&)> run;  // false if it was refused
};

class Script {
 public:
  void put(const std::string& id, int degrees, const model::NamespaceKey& ns) {
    InsertRequest request = make(id, degrees, ns);
    Effect effect = effect_of({request});
    steps.push_back({effect, [request](Engine& engine) { return insert(engine, request).ok(); }});
  }
  void put_many(int count, const model::NamespaceKey& ns) {
    std::vector<InsertRequest> requests;
    for (int i = 0; i < count; ++i) requests.push_back(make("m" + std::to_string(i), i, ns));
    steps.push_back({effect_of(requests), [requests](Engine& engine) {
                       bool all = true;
                       for (const auto& result : insert_batch(engine, requests)) all &= result.ok();
                       return all;
                     }});
  }
  void remove_id(const std::string& id) {
    Effect effect;
    for (const auto& ns : {kPlain, kBusy}) effect.goes.insert({model::printed_name(ns), id});
    steps.push_back({effect, [id](Engine& engine) {
                       const auto removed = remove(engine, {id, {}, {}});
                       return removed.ok() || removed.status().code() == StatusCode::not_found;
                     }});
  }
  void drop_plain() {
    Effect effect;
    for (const auto& key : known) {
      if (key.first == model::printed_name(kPlain)) effect.goes.insert(key);
    }
    steps.push_back({effect, [](Engine& engine) {
                       const auto dropped = drop(engine, kPlain);
                       return dropped.ok() || dropped.status().code() == StatusCode::not_found;
                     }});
  }
  void invalidate_near(int degrees) {
    Effect effect;
    for (const auto& key : known) effect.goes.insert(key);  // whichever are near
    steps.push_back({effect, [degrees](Engine& engine) {
                       InvalidateRequest request;
                       request.radius = InvalidateRequest::Radius{kPlain, unit_at(degrees), 0.999F};
                       return invalidate(engine, request).ok();
                     }});
  }
  void snapshot() {
    steps.push_back({{}, [](Engine& engine) { return compact(engine).ok(); }});
  }

  std::vector<Step> steps;
  std::set<std::pair<std::string, std::string>> known;

 private:
  InsertRequest make(const std::string& id, int degrees, const model::NamespaceKey& ns) {
    known.insert({model::printed_name(ns), id});
    return entry(id, degrees, "response " + std::to_string(++made_) + std::string(60, '.'), ns);
  }
  static Effect effect_of(const std::vector<InsertRequest>& requests) {
    Effect effect;
    for (const InsertRequest& request : requests) {
      effect.puts[{model::printed_name(request.ns), request.id}] = request.response;
      if (request.ns == kBusy) effect.may_lose.insert(model::printed_name(kBusy));
    }
    return effect;
  }
  int made_ = 0;
};

Script make_script() {
  Script script;
  for (int i = 0; i < 6; ++i) script.put("a" + std::to_string(i), i, kPlain);
  for (int i = 0; i < 14; ++i) script.put("b" + std::to_string(i), i, kBusy);  // the cap is 12
  script.put("a1", 50, kPlain);
  script.remove_id("a2");
  script.snapshot();
  script.put_many(5, kPlain);
  script.remove_id("m3");
  script.put("a2", 20, kPlain);
  script.snapshot();
  script.invalidate_near(3);
  script.put_many(6, kBusy);
  script.remove_id("a1");
  script.snapshot();
  script.drop_plain();
  script.put("a5", 70, kPlain);
  script.put("c0", 80, kBusy);
  script.snapshot();
  script.put("c1", 10, kPlain);
  return script;
}

State state_of(Engine& engine, const std::set<std::pair<std::string, std::string>>& known) {
  State state;
  std::set<std::string> ids;
  for (const auto& key : known) ids.insert(key.second);
  for (const std::string& id : ids) {
    for (const store::EntryView& view : engine.find(id, false)) {
      state[{model::printed_name(view.ns), id}] = view.response;
    }
  }
  EXPECT_EQ(engine.figures().live_entries, state.size()) << "entries that nobody asked for";
  return state;
}

void set_up(EngineHarness& node) {
  node.options.wal_segment_bytes = 4096;
  node.options.wal_batch_size = 4;
  node.options.max_entries_per_namespace = 12;
}

// Runs until a step is refused or all are done. `before` is what stood when the last step began.
struct Outcome {
  State before;
  Effect last;
};

Outcome run_script(EngineHarness& node, const Script& script) {
  Outcome run;
  if (!node.open().ok()) return run;
  for (const Step& step : script.steps) {
    run.last = step.effect;
    if (!step.run(*node)) return run;
    run.before = state_of(*node, script.known);
    run.last = {};
  }
  return run;
}

void expect_consistent(const State& after, const Outcome& run) {
  for (const auto& [key, response] : after) {
    const auto stood = run.before.find(key);
    const auto put = run.last.puts.find(key);
    const bool explained = (stood != run.before.end() && stood->second == response) ||
                           (put != run.last.puts.end() && put->second == response);
    EXPECT_TRUE(explained) << key.first << " " << key.second << " holds \"" << response << "\"";
  }
  for (const auto& [key, response] : run.before) {
    if (after.contains(key) || run.last.goes.contains(key) || run.last.may_lose.contains(key.first)) continue;
    ADD_FAILURE() << key.first << " " << key.second << " was acknowledged and is lost";
  }
}

// Writes some more on a recovered node and starts it once more: now everything is acknowledged and must be
// there.
void expect_life_goes_on(EngineHarness& node, Script script) {
  const size_t old_steps = script.steps.size();
  script.put("after", 5, kPlain);
  script.remove_id("a0");
  script.put("a0", 6, kBusy);
  for (size_t i = old_steps; i < script.steps.size(); ++i) EXPECT_TRUE(script.steps[i].run(*node));
  EXPECT_TRUE(compact(*node).ok());
  EXPECT_TRUE(insert(*node, entry("last", 7, "last", kPlain)).ok());
  script.known.insert({model::printed_name(kPlain), "last"});
  const State before = state_of(*node, script.known);
  ASSERT_EQ(node.open().to_string(), "ok");
  EXPECT_EQ(state_of(*node, script.known), before);
}

class EngineCrashTest : public ::testing::Test {
 protected:
  void SetUp() override { obs::set_level(obs::Level::off); }
  void TearDown() override { obs::set_level(obs::Level::info); }
};

uint64_t operations_of(const Script& script) {
  FaultyFileSystem fs(1);
  EngineHarness node(fs, "/data");
  set_up(node);
  const Outcome run = run_script(node, script);
  EXPECT_FALSE(run.before.empty());
  EXPECT_TRUE(run.before.contains({model::printed_name(kPlain), "c1"}))
      << "the script did not run to its end";
  return fs.operations();
}

TEST_F(EngineCrashTest, CutAtEveryFileOperation) {
  const Script script = make_script();
  const uint64_t operations = operations_of(script);
  ASSERT_GT(operations, 100U);
  for (uint64_t cut = 1; cut <= operations; ++cut) {
    // Each at a power cut, every other also at a kill.
    for (uint64_t seed = 1 + cut % 2; seed <= 2; ++seed) {
      SCOPED_TRACE("cut at operation " + std::to_string(cut) + ", seed " + std::to_string(seed));
      FaultyFileSystem fs(seed);
      fs.crash_at(cut);
      EngineHarness node(fs, "/data");
      set_up(node);
      const Outcome run = run_script(node, script);
      node.close();
      const auto disk = seed == 1 ? fs.after_kill(seed) : fs.after_power_cut(cut * 31 + seed);
      EngineHarness recovered(*disk, "/data");
      set_up(recovered);
      ASSERT_EQ(recovered.open().to_string(), "ok");
      expect_consistent(state_of(*recovered, script.known), run);
      expect_life_goes_on(recovered, script);
      if (HasFailure()) return;
    }
  }
}

// The start itself writes: it repairs the tail, makes segments, removes leftovers. Cut there, the next start
// must find the same.
TEST_F(EngineCrashTest, CutDuringRecovery) {
  const Script script = make_script();
  const uint64_t operations = operations_of(script);
  for (uint64_t cut = 5; cut <= operations; cut += 11) {
    for (uint64_t second_cut = 1; second_cut <= 10; ++second_cut) {
      SCOPED_TRACE("cut at operation " + std::to_string(cut) + ", then at " + std::to_string(second_cut));
      FaultyFileSystem fs(cut);
      fs.crash_at(cut);
      EngineHarness node(fs, "/data");
      set_up(node);
      const Outcome run = run_script(node, script);
      node.close();
      const auto first = fs.after_power_cut(cut);
      first->crash_at(second_cut);
      EngineHarness interrupted(*first, "/data");
      set_up(interrupted);
      static_cast<void>(interrupted.open());
      interrupted.close();
      const auto disk = first->after_power_cut(second_cut);
      EngineHarness recovered(*disk, "/data");
      set_up(recovered);
      ASSERT_EQ(recovered.open().to_string(), "ok");
      expect_consistent(state_of(*recovered, script.known), run);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace ferro::node::engine
