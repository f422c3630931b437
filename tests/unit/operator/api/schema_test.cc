// crds/ferrocacheclusters.yaml and the parser say the same: defaults, bounds, words, names, rules.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "operator/api/bounds.h"
#include "operator/api/cron.h"
#include "operator/api/names.h"
#include "operator/api/rules.h"
#include "operator/api/spec.h"
#include "operator/api/status.h"
#include "tests/unit/operator/api/crd_fields.h"

namespace ferro::oper::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using tests::crd;
using Field = tests::CrdField;

const Json& schema(const char* part) {
  return tests::crd_schema(part);
}

std::vector<Field> fields() {
  return tests::spec_fields();
}

// As the API server fills in defaults: an absent field that has one, then inside what is there.
void fill_defaults(const Json& type, Json& value) {
  if (!value.is_object() || !type.contains("properties")) return;
  for (const auto& [name, property] : type["properties"].items()) {
    if (!value.contains(name) && property.contains("default")) value[name] = property["default"];
    if (value.contains(name)) fill_defaults(property, value[name]);
  }
}

Json object_with(Json spec) {
  return {{"metadata", {{"name", "demo"}, {"namespace", "shop"}, {"uid", "u-1"}}}, {"spec", std::move(spec)}};
}

Result<Cluster> parse(const Json& spec) {
  return parse_cluster(object_with(spec));
}

std::string refusal(const Json& spec) {
  const Result<Cluster> result = parse(spec);
  return result.ok() ? "accepted" : result.status().message();
}

// What has to stand beside a field so that rules between fields are no matter.
Json context_of(const std::string& path) {
  if (path.starts_with("autoscaling."))
    return Json::parse(
        R"({"autoscaling": {"minReplicas": 1, "maxReplicas": 50, "targetMemoryPercent": 50}})");
  if (path == "replication.factor") return {{"replicas", 100}};
  if (path == "replicas") return {{"replication", {{"factor", 1}}}};
  return Json::object();
}

Json another_value(const Field& field) {
  static const std::map<std::string, Json> kOthers{
      {"image", "other:1"},
      {"imagePullSecrets", Json::parse(R"([{"name": "pull"}])")},
      {"resources", Json::parse(R"({"limits": {"memory": "2Gi"}})")},
      {"storage.size", "20Gi"},
      {"storage.storageClassName", "fast"},
      {"config", Json::parse(R"({"hnsw.ef_search": "64"})")},
      {"tls.caValidity", "9000h"},
      {"tls.caRenewBefore", "700h"},
      {"tls.certValidity", "700h"},
      {"tls.certRenewBefore", "200h"},
      {"auth.rotationInterval", "48h"},
      {"auth.overlap", "2h"},
      {"auth.existingSecret", "mine"},
      {"snapshots.schedule", "0 4 * * *"},
      {"snapshots.compaction.walRatio", 2.5},
      {"snapshots.compaction.deadRatio", 0.5},
      {"nodeSelector", Json::parse(R"({"disk": "ssd"})")},
      {"tolerations", Json::parse(R"([{"operator": "Exists"}])")},
      {"affinity", Json::parse(R"({"podAntiAffinity": {}})")},
      {"priorityClassName", "high"},
      {"podLabels", Json::parse(R"({"team": "search"})")},
      {"podAnnotations", Json::parse(R"({"team": "search"})")},
      {"serviceAnnotations", Json::parse(R"({"team": "search"})")},
      {"networkPolicy.from", Json::parse(R"([{"namespaceSelector": {}}])")},
  };
  if (const auto found = kOthers.find(field.path); found != kOthers.end()) return found->second;
  const Json& type = field.type;
  const Json standard = type.contains("default") ? type["default"] : Json();
  if (type["type"] == "boolean") return !standard.get<bool>();
  if (type.contains("enum")) return type["enum"][0] == standard ? type["enum"][1] : type["enum"][0];
  if (type["type"] == "integer") {
    const int64_t base = standard.is_null() ? type["minimum"].get<int64_t>() : standard.get<int64_t>();
    return base + 1;
  }
  ADD_FAILURE() << "no example of another value of " << field.path;
  return nullptr;
}

TEST(Schema, NamesOfTheKind) {
  EXPECT_EQ(crd()["spec"]["group"], "cache.ferrocache.io");
  EXPECT_EQ(crd()["spec"]["scope"], "Namespaced");
  EXPECT_EQ(crd()["spec"]["names"]["kind"], "FerroCacheCluster");
  EXPECT_EQ(crd()["spec"]["names"]["plural"], "ferrocacheclusters");
  EXPECT_EQ(crd()["spec"]["names"]["shortNames"], Json::array({"fcc"}));
  EXPECT_EQ(crd()["spec"]["versions"][0]["name"], "v1alpha1");
}

TEST(Schema, DefaultsAreTheParsers) {
  Json spec = Json::object();
  fill_defaults(schema("spec"), spec);
  const Result<Cluster> filled = parse(spec);
  ASSERT_TRUE(filled.ok()) << filled.status().message();
  EXPECT_EQ(filled->spec, ClusterSpec()) << spec.dump(2);
  EXPECT_EQ(parse(Json::object())->spec, ClusterSpec());
}

// Some objects have to repeat the defaults of their fields in their own.
void expect_same_defaults(const Json& type, const std::string& path) {
  if (!type.contains("properties")) return;
  const Json own = type.value("default", Json::object());
  Json of_fields = Json::object();
  for (const auto& [name, property] : type["properties"].items()) {
    if (property.contains("default")) of_fields[name] = property["default"];
    expect_same_defaults(property, path + "." + name);
  }
  EXPECT_TRUE(own.empty() || of_fields.empty() || own == of_fields) << path;
}

TEST(Schema, DefaultsOfObjectsAreThoseOfTheirFields) {
  expect_same_defaults(schema("spec"), "spec");
}

TEST(Schema, EveryFieldMeansSomething) {
  for (const Field& field : fields()) {
    Json spec = context_of(field.path);
    const Result<Cluster> before = parse(spec);
    ASSERT_TRUE(before.ok()) << field.path << ": " << before.status().message();
    spec[field.pointer()] = another_value(field);
    const Result<Cluster> after = parse(spec);
    ASSERT_TRUE(after.ok()) << field.path << ": " << after.status().message();
    EXPECT_FALSE(before->spec == after->spec) << field.path << " is parsed and ignored";
  }
}

TEST(Schema, NumbersHaveTheSameBounds) {
  int checked = 0;
  for (const Field& field : fields()) {
    const Json& type = field.type;
    if (type["type"] != "integer" && type["type"] != "number") continue;
    ASSERT_TRUE(type.contains("minimum") && type.contains("maximum")) << field.path;
    const bool whole = type["type"] == "integer";
    const auto with = [&](const Json& value) {
      Json spec = context_of(field.path);
      spec[field.pointer()] = value;
      return refusal(spec);
    };
    const std::string complaint = "spec." + field.path + ": ";
    for (const char* bound : {"minimum", "maximum"}) {
      const double step = std::string(bound) == "minimum" ? -1 : 1;
      EXPECT_THAT(with(type[bound]), Not(HasSubstr(complaint))) << field.path;
      const Json beyond = whole ? Json(type[bound].get<int64_t>() + static_cast<int64_t>(step))
                                : Json(type[bound].get<double>() + step * 0.001);
      EXPECT_THAT(with(beyond), HasSubstr(complaint)) << field.path;
    }
    ++checked;
  }
  EXPECT_GE(checked, 15);
}

TEST(Schema, WordsAreTheSame) {
  int checked = 0;
  for (const Field& field : fields()) {
    if (!field.type.contains("enum")) continue;
    Json spec = context_of(field.path);
    for (const Json& word : field.type["enum"]) {
      spec[field.pointer()] = word;
      EXPECT_EQ(refusal(spec), "accepted") << field.path;
    }
    spec[field.pointer()] = "other";
    const std::string said = refusal(spec);
    EXPECT_THAT(said, HasSubstr("spec." + field.path + ": ")) << field.path;
    for (const Json& word : field.type["enum"]) EXPECT_THAT(said, HasSubstr(word.get<std::string>()));
    ++checked;
  }
  EXPECT_GE(checked, 7);
}

TEST(Schema, LengthsAreTheSame) {
  int checked = 0;
  for (const Field& field : fields()) {
    const Json& type = field.type;
    if (type["type"] == "boolean" || type["type"] == "integer" || type["type"] == "number" ||
        type.contains("enum") || type.contains("properties"))
      continue;
    Json longer;
    if (type["type"] == "string") {
      ASSERT_TRUE(type.contains("maxLength")) << field.path;
      longer = std::string(type["maxLength"].get<size_t>() + 1, '1');
    } else if (type["type"] == "array") {
      longer = Json::array();
      while (longer.size() <= type["maxItems"].get<size_t>()) longer.push_back(Json::object());
    } else {
      for (size_t i = 0; i <= type["maxProperties"].get<size_t>(); ++i) longer["k" + std::to_string(i)] = "v";
      if (field.path == "nodeSelector") continue;  // passed on as it is
    }
    Json spec = context_of(field.path);
    spec[field.pointer()] = longer;
    EXPECT_THAT(refusal(spec), HasSubstr("spec." + field.path)) << field.path;
    ++checked;
  }
  EXPECT_GE(checked, 12);
}

// --- rules ---

std::string all_rules(const Json& type) {
  std::string text;
  if (type.is_object()) {
    for (const auto& [name, value] : type.items()) {
      if (name == "x-kubernetes-validations") {
        for (const Json& rule : value) text += rule["rule"].get<std::string>() + "\n";
      } else {
        text += all_rules(value);
      }
    }
  }
  return text;
}

TEST(Schema, OwnedKeysAreTheSame) {
  const std::string rule = schema("spec")["properties"]["config"]["x-kubernetes-validations"][1]["rule"];
  std::set<std::string> named;
  const std::regex word("'([^']+)'");
  for (auto it = std::sregex_iterator(rule.begin(), rule.end(), word); it != std::sregex_iterator(); ++it)
    named.insert((*it)[1]);
  std::set<std::string> owned(bounds::kOwnedKeys.begin(), bounds::kOwnedKeys.end());
  owned.insert(bounds::kOwnedPrefixes.begin(), bounds::kOwnedPrefixes.end());
  EXPECT_EQ(named, owned);
}

TEST(Schema, BoundsOfDurationsAreTheSame) {
  const std::string rules = all_rules(schema("spec"));
  const auto bound = [&](const std::string& field, const char* relation, int64_t seconds) {
    EXPECT_THAT(rules, HasSubstr("duration(self." + field + ") " + relation + " duration('" +
                                 duration_text(seconds) + "')"));
  };
  bound("caValidity", ">=", bounds::kCaValidityMin);
  bound("caValidity", "<=", bounds::kTenYears);
  bound("certValidity", ">=", bounds::kCertValidityMin);
  bound("certValidity", "<=", bounds::kTenYears);
  bound("caRenewBefore", ">=", bounds::kRenewBeforeMin);
  bound("certRenewBefore", ">=", bounds::kRenewBeforeMin);
  bound("overlap", "<=", bounds::kOverlapMax);
  bound("rotationInterval", ">=", bounds::kRotationIntervalMin);
  bound("rotationInterval", "<=", bounds::kTenYears);
  EXPECT_EQ(*parse_quantity("256Mi"), bounds::kStorageBytesMin);
  EXPECT_THAT(rules, HasSubstr("quantity('256Mi')"));
}

TEST(Schema, NamesOfClustersAreTheSame) {
  const Json& rules = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"];
  EXPECT_THAT(rules[0]["rule"].get<std::string>(),
              HasSubstr("size() <= " + std::to_string(bounds::kClusterNameBytesMax)));
}

// Each sentence of the schema is said by the parser too, apart from those about the former object.
TEST(Schema, SentencesNameTheFieldsInFull) {
  for (const Field& field : fields()) {
    for (const Json& rule : field.type.value("x-kubernetes-validations", Json::array()))
      EXPECT_THAT(rule["message"].get<std::string>(), HasSubstr("spec." + field.path)) << field.path;
  }
}

TEST(Schema, PatternsAcceptWhatTheParserAccepts) {
  const auto pattern = [](const char* part, const char* name) {
    const Json& type = schema("spec")["properties"][part]["properties"][name];
    return std::regex(type["pattern"].get<std::string>());
  };
  // A rule instead of a pattern: its message is a sentence.
  const Json& schedule = schema("spec")["properties"]["snapshots"]["properties"]["schedule"];
  const std::string rule = schedule["x-kubernetes-validations"][0]["rule"];
  const size_t begin = rule.find("r'") + 2;
  const std::regex cron(rule.substr(begin, rule.rfind('\'') - begin));
  for (const char* text : {"0 3 * * *", "*/15 * * * *", "5/20 * * * *", "0 9-17/4 * * *",
                           "30 1,13 1,15 JAN-MAR mon-fri", "0 0 31 12 7", "59 23 * * 0", "0  3 * * *"}) {
    EXPECT_TRUE(std::regex_match(text, cron)) << text;
    EXPECT_TRUE(CronSchedule::parse(text).ok()) << text;
  }
  for (const char* text : {"", "0 3 * *", "60 3 * * *", "0 24 * * *", "0 3 0 * *", "0 3 32 * *", "0 3 * 13 *",
                           "0 3 * * 8", "@daily", "0 3 * * * *", "x 3 * * *"}) {
    EXPECT_FALSE(std::regex_match(text, cron)) << text;
    EXPECT_FALSE(CronSchedule::parse(text).ok()) << text;
  }
  const std::regex duration = pattern("tls", "caValidity");
  for (const char* text : {"720h", "1h30m", "45s", "1h1s"}) {
    EXPECT_TRUE(std::regex_match(text, duration)) << text;
    EXPECT_TRUE(parse_duration_s(text).ok()) << text;
  }
  for (const char* text : {"720", "1d", "1m1h", "-1h", "1.5h", "1ms"}) {
    EXPECT_FALSE(std::regex_match(text, duration)) << text;
    EXPECT_FALSE(parse_duration_s(text).ok()) << text;
  }
  const std::regex size = pattern("storage", "size");
  for (const char* text : {"10Gi", "1.5Ti", "10737418240", "20G"}) {
    EXPECT_TRUE(std::regex_match(text, size)) << text;
    EXPECT_TRUE(parse_quantity(text).ok()) << text;
  }
  for (const char* text : {"10GB", "-1Gi", "10 Gi", "1e3", "500m"})
    EXPECT_FALSE(std::regex_match(text, size)) << text;
}

// What admission refuses (but by comparison with what was there before) the parser refuses too, naming the
// same fields.
TEST(Refused, AsAdmissionDoes) {
  int checked = 0;
  for (const Json& wrong : tests::yaml_file("tests/golden/operator/refused.yaml")) {
    if (wrong.contains("before") || wrong.contains("passed_on")) continue;
    Json object = object_with(wrong["spec"]);
    if (wrong.contains("name")) object["metadata"]["name"] = wrong["name"];
    const Result<Cluster> result = parse_cluster(object);
    ASSERT_FALSE(result.ok()) << wrong.dump();
    for (const Json& word : wrong["says"])
      EXPECT_THAT(result.status().message(), HasSubstr(word.get<std::string>())) << wrong.dump();
    ++checked;
  }
  EXPECT_GE(checked, 35);
}

// --- status ---

void expect_same_shape(const Json& type, const Json& value, const std::string& path) {
  if (type["type"] == "array") {
    ASSERT_TRUE(value.is_array() && !value.empty()) << path;
    expect_same_shape(type["items"], value[0], path + "[]");
    return;
  }
  if (type["type"] != "object") return;
  std::set<std::string> declared, written;
  for (const auto& [name, property] : type["properties"].items()) declared.insert(name);
  for (const auto& [name, property] : value.items()) written.insert(name);
  EXPECT_EQ(declared, written) << path;
  for (const std::string& name : declared) {
    if (value.contains(name)) expect_same_shape(type["properties"][name], value[name], path + "." + name);
  }
}

TEST(Schema, StatusHasWhatIsWrittenAndNothingElse) {
  ClusterStatus status;
  status.phase = status.selector = status.version = status.endpoint = status.tls_phase = "x";
  status.conditions = {{"Available", "True", "R", "m", 1, 1}};
  status.ca_not_after_unix = status.cert_not_after_unix = status.last_compaction_unix = 1;
  status.blocked_by = {{"Roll", "R", "demo-0", 1, "m"}};
  Member member;
  member.name = member.state = member.certificate_fingerprint = member.version = "x";
  member.certificate_not_after_unix = member.snapshot_unix = 1;
  member.trusted_fingerprints = {"x"};
  status.members = {member};
  status.compactions_pending = {{"demo-0", 3}};
  expect_same_shape(schema("status"), to_json(status), "status");
}

}  // namespace
}  // namespace ferro::oper::api
