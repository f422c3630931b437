// A reflector under every fault that the fake server knows, beside a server that is the truth: whatever
// happened, once the faults stop the store is what the server has, and every change was told exactly once.
#include <gtest/gtest.h>

#include <map>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "operator/runtime/reflector.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/manual_waiter.h"
#include "tests/fakes/timeline.h"

namespace ferro::oper::runtime {
namespace {

class World {
 public:
  explicit World(uint64_t seed) : chance_(seed) { server_.set_faults(fakes::kube::seeded_faults(seed, 0.4)); }

  void act() {
    const std::string name = "m" + std::to_string(chance_.below(6));
    switch (chance_.below(5)) {
      case 0:
      case 1:
        server_.act("t", "POST", "/api/v1/namespaces/default/configmaps",
                    {{"metadata", {{"name", name}}}, {"data", {{"n", std::to_string(++count_)}}}});
        break;
      case 2:
        server_.act("t", "PATCH", "/api/v1/namespaces/default/configmaps/" + name,
                    {{"data", {{"n", std::to_string(++count_)}}}}, "application/merge-patch+json");
        break;
      case 3:
        server_.remove("configmaps", "default", name);
        break;
      default:
        if (chance_.happens(0.1)) server_.compact();
    }
  }
  void step() {
    const int64_t wait = reflector_.step();
    ASSERT_GE(wait, 0);
    ASSERT_LE(wait, 3'600'000);
    clock_.advance_ms(wait);
  }
  void run() {
    for (int round = 0; round < 300; ++round) {
      for (uint64_t i = chance_.below(4); i > 0; --i) act();
      step();
    }
    server_.set_faults({});
    for (int round = 0; round < 10; ++round) step();
    check();
  }

 private:
  void on_change(const Change& change) {
    const auto known = told_.find(change.key);
    if (change.before == nullptr) {
      EXPECT_EQ(known, told_.end()) << change.key << " is new but known";
    } else {
      ASSERT_NE(known, told_.end()) << change.key << " changed or went but is not known";
      EXPECT_EQ(known->second, *change.before) << "each change starts where the last one ended";
    }
    if (change.after == nullptr) {
      told_.erase(change.key);
    } else {
      told_[change.key] = *change.after;
    }
  }
  void check() {
    std::map<std::string, std::string> truth, kept;
    for (const Json& object : server_.list("configmaps", "default")) {
      truth[key_of(object)] = object.at("metadata").at("resourceVersion");
    }
    for (const Object& object : store_.all())
      kept[key_of(*object)] = object->at("metadata").at("resourceVersion");
    EXPECT_EQ(kept, truth);
    EXPECT_EQ(told_.size(), truth.size());
  }

  fakes::Chance chance_;
  ManualClock clock_;
  fakes::kube::ManualWaiter waiter_{clock_};
  fakes::kube::ApiServer server_{clock_};
  fakes::kube::InProcessTransport transport_{server_,
                                             {.pass_time = [this](int64_t ms) { clock_.advance_ms(ms); }}};
  k8s::RestClient client_{transport_, clock_, waiter_, nullptr, {.queries_per_second = 0}};
  Store store_;
  std::map<std::string, Json> told_;
  int count_ = 0;
  Reflector reflector_{client_,
                       clock_,
                       k8s::kConfigMaps,
                       store_,
                       [this](const Change& change) { on_change(change); },
                       {.list = {.ns = "default", .label_selector = {}, .page_size = 2}}};
};

TEST(ReflectorFaults, TheStoreIsTheTruthOnceTheFaultsStop) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ferro::oper::runtime
