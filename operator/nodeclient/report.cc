#include "operator/nodeclient/report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "operator/nodeclient/clipped.h"

namespace ferro::oper::nodeclient {
namespace {

using Json = nlohmann::json;

constexpr size_t kNamesMax = 1000;       // a cluster has at most 100 members, dead ones included some more
constexpr size_t kAnchorsMax = 64;       // a bundle has three
constexpr size_t kGenerationsMax = 64;   // a node shows 16
constexpr size_t kTextBytesMax = 1'024;  // of a state, a reason, a version, a name
constexpr int64_t kMomentMax = 253'402'300'799;  // the end of the year 9999, beyond which nothing is written

// Reads members of one JSON object; the first that has the wrong type makes the reader failed for good, and
// what is read after it does not count.
class Reader {
 public:
  explicit Reader(const Json& object, std::string path = {}) : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) fail("", "an object");
  }

  std::string text(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr || !value->is_string()) return wrong(value, name, "a text"), std::string();
    return clipped(value->get_ref<const std::string&>(), kTextBytesMax);
  }
  bool flag(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr || !value->is_boolean()) return wrong(value, name, "true or false"), false;
    return value->get<bool>();
  }
  // Saturates: a figure beyond 2^63 is as good as that.
  int64_t number(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr || !value->is_number()) return wrong(value, name, "a number"), 0;
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    if (value->is_number_unsigned()) {
      return static_cast<int64_t>(std::min<uint64_t>(value->get<uint64_t>(), static_cast<uint64_t>(kMax)));
    }
    if (value->is_number_integer()) return value->get<int64_t>();
    const double real = value->get<double>();
    if (!(std::abs(real) < 9.0e18)) return real < 0 ? -kMax : kMax;
    return static_cast<int64_t>(real);
  }
  // Unix seconds, within what a calendar has: differences of two fit.
  int64_t moment(const char* name) { return std::clamp<int64_t>(number(name), 0, kMomentMax); }
  uint64_t unsigned_number(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) return wrong(value, name, "a number from 0 on"), 0;
    return value->get<uint64_t>();
  }
  std::vector<std::string> texts(const char* name, size_t most) {
    std::vector<std::string> found;
    const Json* const value = find(name);
    if (value == nullptr || !value->is_array() || value->size() > most) {
      return wrong(value, name, "a list of texts"), found;
    }
    for (const Json& item : *value) {
      if (!item.is_string()) return fail(name, "a list of texts"), found;
      found.push_back(clipped(item.get_ref<const std::string&>(), kTextBytesMax));
    }
    return found;
  }
  // Of an object within; calls nothing if it is absent.
  template <typename Use>
  void within(const char* name, Use&& use) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    Reader inner(*value, path_of(name));
    use(inner);
    if (!inner.status_.ok() && status_.ok()) status_ = inner.status_;
  }
  template <typename Use>
  void each(const char* name, size_t most, Use&& use) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() > most) return fail(name, "a list");
    for (const Json& item : *value) {
      Reader inner(item, path_of(name));
      use(inner);
      if (!inner.status_.ok() && status_.ok()) status_ = inner.status_;
    }
  }
  bool has(const char* name) const { return find(name) != nullptr; }
  const Status& status() const noexcept { return status_; }

 private:
  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string path_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }
  void wrong(const Json* value, const char* name, const char* expected) {
    if (value != nullptr) fail(name, expected);
  }
  void fail(const char* name, const char* expected) {
    if (status_.ok())
      status_ = Status::invalid("its status has no " + std::string(expected) + " in " + path_of(name));
  }

  const Json& object_;
  const std::string path_;
  Status status_;
};

void read_ring(Reader& root, plan::NodeReport& report) {
  report.members = root.texts("nodes", kNamesMax);
  report.dead = root.texts("dead_nodes", kNamesMax);
  report.ring_members = root.number("ring_size");
  root.within("ring", [&](Reader& ring) {
    report.ring_epoch = ring.unsigned_number("epoch");
    report.ring_members = ring.number("members");
    report.ring_changing = ring.flag("changing");
  });
  root.within("replication", [&](Reader& replication) {
    report.replication_factor = replication.number("factor");
    report.hints = replication.number("hints");
    report.replication_lag_ms = replication.number("lag_ms");
  });
  report.partitions_under_replicated = root.number("partitions_under_replicated");
  report.partitions_out_of_step = root.number("partitions_out_of_step");
  report.partitions_uncompared = root.number("partitions_uncompared");
  root.within("catch_up", [&](Reader& transfer) { report.catch_up_running = transfer.flag("running"); });
  root.within("hand_over", [&](Reader& transfer) { report.hand_over_running = transfer.flag("running"); });
  root.within("drain", [&](Reader& transfer) {
    report.drain_running = transfer.flag("running");
    report.drain_done = transfer.number("partitions_done");
    report.drain_total = transfer.number("partitions_total");
  });
  report.drained = root.flag("drained");
}

void read_security(Reader& root, plan::NodeReport& report) {
  // What is shown to other nodes; a node without mutual TLS has at most the clients' certificate.
  root.within(root.has("node_certificate") ? "node_certificate" : "certificate", [&](Reader& certificate) {
    report.certificate_fingerprint = certificate.text("fingerprint_sha256");
    report.certificate_not_after_unix = certificate.moment("not_after");
    report.trusted_fingerprints = certificate.texts("trusted", kAnchorsMax);
  });
  root.within("certificate", [&](Reader& certificate) {
    // Where clients are shown none of their own, this repeats the nodes', whose authorities are listed.
    if (!certificate.has("trusted")) {
      report.client_certificate_fingerprint = certificate.text("fingerprint_sha256");
    }
  });
  root.within("auth", [&](Reader& auth) {
    if (auth.has("enabled")) report.auth_enabled = auth.flag("enabled");
    report.token_generation = auth.number("token_generation");
    auth.each("generations", kGenerationsMax, [&](Reader& use) {
      const int64_t generation = use.number("generation");
      report.token_last_used_unix[generation] = use.moment("last_used_at");  // null = never: 0
    });
  });
}

void read_storage(Reader& root, plan::NodeReport& report) {
  report.entries = root.number("entry_count");
  report.dead_entries = root.number("dead_entries");
  root.within("memory", [&](Reader& memory) {
    report.memory_bytes = memory.number("bytes");
    report.memory_max_bytes = memory.number("max_bytes");
  });
  root.within("wal", [&](Reader& wal) { report.wal_bytes = wal.number("bytes"); });
  root.within("snapshot", [&](Reader& snapshot) {
    report.snapshot_number = snapshot.number("number");
    report.snapshot_bytes = snapshot.number("bytes");
    report.snapshot_unix = snapshot.moment("created_at");
    report.snapshot_failed = snapshot.flag("last_attempt_failed");
    report.snapshot_running = snapshot.flag("running");
  });
}

}  // namespace

Result<plan::NodeReport> parse_report(std::string_view body, std::string_view member) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Status::invalid("its status is no JSON object");
  Reader root(json);
  plan::NodeReport report;
  const std::string id = root.text("node_id");
  report.state = root.text("state");
  report.reason = root.text("reason");
  report.version = root.text("version");
  report.started_unix = root.moment("started_at");
  read_ring(root, report);
  read_security(root, report);
  read_storage(root, report);
  FERRO_RETURN_IF_ERROR(root.status());
  if (report.state.empty()) return Status::invalid("its status names no state");
  if (id != member) {
    return Status(StatusCode::failed_precondition,
                  "another node answers at its address: " + (id.empty() ? "one without a name" : id));
  }
  return report;
}

}  // namespace ferro::oper::nodeclient
