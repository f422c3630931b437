// A FerroCacheCluster as the API server might hand it over, whatever came past admission: it is parsed or
// refused with a field's name, and what is parsed can be rendered, always the same, into objects that do not
// differ from themselves and that belong to it. The first byte may choose to read units and schedules
// instead.
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/assert.h"
#include "operator/api/cron.h"
#include "operator/api/spec.h"
#include "operator/api/status.h"
#include "operator/objects/objects.h"

namespace {

using namespace ferro;
using namespace ferro::oper;
using Json = nlohmann::json;

constexpr size_t kBytesMax = 64 * 1024;

void check_resource(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (object.is_discarded()) return;
  const api::Cluster identity = api::parse_identity(object);
  api::ClusterStatus status;
  status.conditions = {{"Available", "True", "R", "m", 1, 0}};
  status.blocked_by = {{"Roll", "R", "demo-0", 0, "m"}};
  api::carry_transitions(identity.status, 1, status);
  api::carry_transitions(object, 1, status);
  const Result<api::Cluster> cluster = api::parse_cluster(object);
  if (!cluster.ok()) {
    FERRO_ASSERT(!cluster.status().message().empty(), "refused without a word");
    return;
  }
  objects::RenderInputs inputs;
  inputs.default_image = "ferrocached:1";
  inputs.serves_service_monitors = inputs.serves_prometheus_rules = true;
  const objects::Desired desired = objects::render(*cluster, inputs, cluster->spec.replicas);
  FERRO_ASSERT(desired.template_hash == objects::render(*cluster, inputs, 0).template_hash,
               "the number of nodes is in the template");
  for (const objects::Object& made : desired.objects) {
    FERRO_ASSERT(!objects::differs(made.json, made.json), "an object differs from itself");
    objects::first_difference(made.json, object);
    FERRO_ASSERT(
        cluster->uid.empty() || objects::ownership_of(made.json, *cluster) == objects::Ownership::ours,
        "an object of ours is not ours");
  }
}

void check_units(const std::string& text) {
  const Result<api::Quantity> quantity = api::parse_exact_quantity(text);
  const Result<int64_t> whole = api::parse_quantity(text);
  FERRO_ASSERT(quantity.ok() == whole.ok(), "two readings of a quantity");
  if (const Result<int64_t> seconds = api::parse_duration_s(text); seconds.ok()) {
    const Result<int64_t> again = api::parse_duration_s(api::duration_text(*seconds));
    FERRO_ASSERT(again.ok() && *again == *seconds, "a duration is not read back");
  }
  if (const auto unix = api::parse_time(text))
    FERRO_ASSERT(
        api::parse_time(api::time_text(*unix)) == unix || *unix < -62'167'219'200 || *unix > 253'402'300'799,
        "a time is not read back");
  if (const Result<api::CronSchedule> cron = api::CronSchedule::parse(text); cron.ok()) {
    const int64_t next = cron->next_after(1'782'874'800);
    FERRO_ASSERT(cron->last_at(next) == next && cron->last_at(next - 1) < next, "firings disagree");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > kBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (data[0] == '!') {
    check_units(std::string(text.substr(1)));
  } else {
    check_resource(text);
  }
  return 0;
}
