#include "operator/runtime/store.h"

#include <gmock/gmock.h>

namespace ferro::oper::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Json object(const std::string& key, const std::string& version, const Json& more = Json::object()) {
  const auto [ns, name] = split_key(key);
  Json made = {{"metadata", {{"name", name}, {"resourceVersion", version}, {"uid", "uid-" + name}}}};
  if (!ns.empty()) made["metadata"]["namespace"] = ns;
  made.merge_patch(more);
  return made;
}

std::vector<std::string> words(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const Change& change : changes) {
    out.push_back((change.before == nullptr ? "+" : change.after == nullptr ? "-" : "~") + change.key);
  }
  return out;
}

std::vector<std::string> keys(const std::vector<Object>& objects) {
  std::vector<std::string> out;
  for (const Object& each : objects) out.push_back(key_of(*each));
  return out;
}

TEST(Store, KeysOfNamespacedAndOther) {
  EXPECT_EQ(key_of("ns", "a"), "ns/a");
  EXPECT_EQ(key_of("", "a"), "a");
  EXPECT_EQ(split_key("ns/a"), (std::pair<std::string, std::string>("ns", "a")));
  EXPECT_EQ(split_key("a"), (std::pair<std::string, std::string>("", "a")));
  EXPECT_EQ(key_of(Json(7)), "");
}

TEST(Store, ReplaceTellsWhatIsNewChangedAndGone) {
  Store store;
  EXPECT_THAT(words(store.replace("", {object("n/a", "1"), object("n/b", "1")})),
              ElementsAre("+n/a", "+n/b"));
  EXPECT_THAT(words(store.replace("", {object("n/b", "1"), object("n/c", "2"), object("n/a", "3")})),
              ElementsAre("+n/c", "~n/a"));
  EXPECT_THAT(words(store.replace("", {object("n/c", "2")})), ElementsAre("-n/a", "-n/b"));
  EXPECT_THAT(words(store.replace("", {})), ElementsAre("-n/c"));
  EXPECT_EQ(store.size(), 0U);
}

TEST(Store, AScopeIsANamespaceAndLeavesTheOthersAlone) {
  Store store;
  store.replace("n", {object("n/a", "1")});
  store.replace("na", {object("na/a", "1")});
  EXPECT_THAT(words(store.replace("n", {})), ElementsAre("-n/a"));
  EXPECT_THAT(keys(store.all()), ElementsAre("na/a"));
}

TEST(Store, AnEventForWhatIsThereAlreadyIsNone) {
  Store store;
  EXPECT_THAT(words(store.upsert(object("n/a", "1"))), ElementsAre("+n/a"));
  EXPECT_THAT(words(store.upsert(object("n/a", "1"))), IsEmpty());
  EXPECT_THAT(words(store.upsert(object("n/a", "2"))), ElementsAre("~n/a"));
  EXPECT_THAT(words(store.erase(object("n/a", "3"))), ElementsAre("-n/a"));
  EXPECT_THAT(words(store.erase(object("n/a", "3"))), IsEmpty());
}

TEST(Store, ObjectsHandedOutDoNotChangeUnderTheReader) {
  Store store;
  store.upsert(object("n/a", "1"));
  const Object held = store.get("n", "a");
  store.upsert(object("n/a", "2"));
  store.erase(object("n/a", "3"));
  EXPECT_EQ(held->at("metadata").at("resourceVersion"), "1");
  EXPECT_EQ(store.get("n/a"), nullptr);
}

TEST(Store, SyncedOnceEveryScopeWasListed) {
  Store store;
  EXPECT_FALSE(store.synced()) << "nobody fills it";
  store.expect_scope("a");
  store.expect_scope("b");
  store.replace("a", {});
  EXPECT_FALSE(store.synced());
  store.replace("b", {});
  EXPECT_TRUE(store.synced());
}

TEST(Store, WhatNobodyReadsIsNotKept) {
  Store store({.index = {}, .trim = [](Json& json) { json.erase("data"); }});
  store.upsert(
      object("n/a", "1", {{"data", "big"}, {"metadata", {{"managedFields", {{{"manager", "x"}}}}}}}));
  EXPECT_FALSE(store.get("n/a")->contains("data"));
  EXPECT_FALSE(store.get("n/a")->at("metadata").contains("managedFields"));
}

TEST(Store, TheIndexFollowsLabelsAndOwners) {
  Store store({.index = index_by_label("app"), .trim = {}});
  const auto labelled = [](const char* value) { return Json{{"metadata", {{"labels", {{"app", value}}}}}}; };
  store.upsert(object("n/b", "1", labelled("x")));
  store.upsert(object("n/a", "1", labelled("x")));
  store.upsert(object("m/a", "1", labelled("x")));
  store.upsert(object("n/c", "1"));
  EXPECT_THAT(keys(store.by_index("n/x")), ElementsAre("n/a", "n/b"));
  store.upsert(object("n/a", "2", labelled("y")));
  EXPECT_THAT(keys(store.by_index("n/x")), ElementsAre("n/b"));
  EXPECT_THAT(keys(store.by_index("n/y")), ElementsAre("n/a"));
  store.replace("n", {});
  EXPECT_THAT(store.by_index("n/x"), IsEmpty());
  EXPECT_THAT(keys(store.by_index("m/x")), ElementsAre("m/a"));
}

TEST(Store, OwnersAreControllersOnly) {
  const auto owned = [](bool controller) {
    return Json{{"metadata", {{"ownerReferences", {{{"uid", "u1"}, {"controller", controller}}}}}}};
  };
  EXPECT_THAT(index_by_controller(owned(true)), ElementsAre("u1"));
  EXPECT_THAT(index_by_controller(owned(false)), IsEmpty());
  for (const Json& odd :
       {Json(), Json(1), Json{{"metadata", 3}}, Json{{"metadata", {{"ownerReferences", "x"}}}},
        Json{{"metadata", {{"ownerReferences", {1, Json::object()}}}}}}) {
    EXPECT_THAT(index_by_controller(odd), IsEmpty());
    EXPECT_THAT(index_by_label("a")(odd), IsEmpty());
  }
}

}  // namespace
}  // namespace ferro::oper::runtime
