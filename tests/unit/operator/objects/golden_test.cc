// Rendered objects of given resources, byte for byte. A change of a pod template rolls every running cluster
// when the operator is upgraded: this test fails then, and the change needs a word in CHANGELOG.md beside the
// new files. FERRO_WRITE_GOLDEN=1 in the environment writes them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/operator/api/yaml_json.h"
#include "tests/unit/operator/objects/fixture.h"

namespace ferro::oper::objects {
namespace {

constexpr const char* kFolder = "tests/golden/operator";

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> cases() {
  std::vector<std::filesystem::path> result;
  for (const char* folder : {"crds/samples", "tests/golden/operator/cases"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".yaml") result.push_back(entry.path());
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

Json rendered(const std::filesystem::path& path) {
  Json list = Json::array();
  for (const YAML::Node& document : YAML::LoadAllFromFile(path.string())) {
    Json object = tests::yaml_json(document);
    if (object["kind"] != "FerroCacheCluster") continue;
    object["metadata"]["namespace"] = "shop";
    object["metadata"]["uid"] = kUid;
    const Result<api::Cluster> cluster = api::parse_cluster(object);
    EXPECT_TRUE(cluster.ok()) << path << ": " << cluster.status().message();
    if (!cluster.ok()) continue;
    const int64_t replicas = cluster->spec.hibernated ? 0 : cluster->spec.replicas;
    for (const Object& made : render(*cluster, usual_inputs(), replicas).objects) {
      // Dashboards are long and roll nothing.
      if (!made.json["metadata"]["labels"].contains("grafana_dashboard")) list.push_back(made.json);
    }
  }
  return list;
}

TEST(Golden, RenderedObjects) {
  ASSERT_GE(cases().size(), 8U);
  for (const std::filesystem::path& path : cases()) {
    const std::filesystem::path golden = std::filesystem::path(kFolder) / (path.stem().string() + ".json");
    const std::string text = rendered(path).dump(1) + "\n";
    if (std::getenv("FERRO_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << text;
    const std::string expected = content_of(golden);
    ASSERT_FALSE(expected.empty()) << golden << " is missing";
    if (text == expected) continue;
    const Json difference = Json::diff(Json::parse(expected), Json::parse(text));
    ADD_FAILURE() << golden << ": what is rendered for " << path << " has changed:\n" << difference.dump(1);
  }
}

// What a real API server keeps of these objects is no difference: an unchanged cluster costs no write. The
// files are made by tests/house/test_admission.py.
TEST(Golden, WhatTheServerKeepsDoesNotDiffer) {
  int compared = 0;
  for (const std::filesystem::path& path : cases()) {
    const std::filesystem::path file =
        std::filesystem::path(kFolder) / "kept" / (path.stem().string() + ".json");
    const Json kept = Json::parse(content_of(file), nullptr, false);
    ASSERT_TRUE(kept.is_array()) << file;
    for (const Json& object : rendered(path)) {
      if (object["kind"] == "ServiceMonitor" || object["kind"] == "PrometheusRule") continue;
      const auto same = std::find_if(kept.begin(), kept.end(), [&](const Json& other) {
        return other["kind"] == object["kind"] && other["metadata"]["name"] == object["metadata"]["name"];
      });
      ASSERT_NE(same, kept.end()) << file << ": " << object["kind"];
      EXPECT_EQ(first_difference(object, *same), "") << file << ": " << object["kind"];
      ++compared;
    }
  }
  EXPECT_GE(compared, 50);
}

TEST(Golden, TemplateHashes) {
  std::string text;
  for (const std::filesystem::path& path : cases()) {
    for (const Json& object : rendered(path)) {
      if (object["kind"] == "StatefulSet")
        text += path.stem().string() + " " + object["metadata"]["name"].get<std::string>() + " " +
                template_hash_of(object) + "\n";
    }
  }
  const std::filesystem::path golden = std::filesystem::path(kFolder) / "template_hashes.txt";
  if (std::getenv("FERRO_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << text;
  EXPECT_EQ(text, content_of(golden))
      << "an upgrade of the operator would roll clusters that nobody has changed";
}

}  // namespace
}  // namespace ferro::oper::objects
