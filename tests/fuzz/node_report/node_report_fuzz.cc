// What a node, or whoever answers in its place, sends to the operator: the first byte says whether the rest
// is a status or a page of metrics. What is accepted must be fit to be written into a resource's status.
#include <cstdint>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/utf8.h"
#include "operator/nodeclient/figures.h"
#include "operator/nodeclient/report.h"

namespace {

using namespace ferro;

void check_report(std::string_view body) {
  const auto report = oper::nodeclient::parse_report(body, "demo-0");
  if (!report.ok()) {
    FERRO_ASSERT(utf8_valid(report.status().message()), "an error that cannot be written as JSON");
    return;
  }
  FERRO_ASSERT(!report->state.empty(), "a report without a state");
  for (const std::string& text : {report->state, report->reason, report->version}) {
    FERRO_ASSERT(text.size() <= 1024 && utf8_valid(text), "a text that cannot be written as JSON");
  }
  for (const auto* list : {&report->members, &report->dead, &report->trusted_fingerprints}) {
    for (const std::string& text : *list)
      FERRO_ASSERT(utf8_valid(text), "a name that cannot be written as JSON");
  }
}

void check_figures(std::string_view text) {
  const auto figures = oper::nodeclient::parse_figures(text);
  if (!figures.ok()) return;
  FERRO_ASSERT(figures->memory_bytes >= 0 && figures->memory_max_bytes >= 0, "memory below nothing");
  FERRO_ASSERT(figures->queries_by_seconds.size() <= 64, "more buckets than allowed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  (data[0] % 2 == 0 ? check_report : check_figures)(rest);
  return 0;
}
