// GET /stats: counters and per-namespace figures.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"
#include "node/api/visible_namespaces.h"

namespace ferro::node::api {
namespace {

void append_namespace(const store::NamespaceStats& stats, JsonWriter& json) {
  json.key(model::printed_name(stats.key)).begin_object();
  json.key("entry_count").number(stats.entry_count).key("dimension").number(stats.dimension);
  json.key("oldest_entry_ts").number(stats.oldest_entry_ms / 1000);
  json.key("newest_entry_ts").number(stats.newest_entry_ms / 1000);
  json.key("total_accesses").number(stats.total_accesses).key("index").string(stats.index_kind);
  json.key("bytes").number(stats.bytes).end_object();
}

void append_hnsw(const index::IndexOptions& index, const std::vector<store::NamespaceStats>& namespaces,
                 JsonWriter& json) {
  json.key("hnsw").begin_object().key("max_nb_connection").number(index.max_nb_connection);
  json.key("ef_construction").number(index.ef_construction).key("ef_search").number(index.ef_search);
  json.key("dimension");
  const auto differs = [&](const store::NamespaceStats& stats) {
    return stats.dimension != namespaces.front().dimension;
  };
  if (namespaces.empty() || std::any_of(namespaces.begin(), namespaces.end(), differs)) {
    json.null();
  } else {
    json.number(namespaces.front().dimension);
  }
  json.end_object();
}

// Some have two names: dashboards in the field use either. What only a cluster does stays 0 on a node alone.
void append_counters(const Backend& backend, JsonWriter& json) {
  const engine::Counters counters = backend.engine.counters();
  const cluster::ClusterStatus cluster =
      backend.cluster != nullptr ? backend.cluster->status() : cluster::ClusterStatus{};
  const uint64_t answered = counters.hits + counters.misses;
  const double hit_rate =
      answered == 0 ? 0.0 : static_cast<double>(counters.hits) / static_cast<double>(answered);
  json.key("counters").begin_object();
  json.key("queries").number(counters.queries).key("hits").number(counters.hits);
  json.key("misses").number(counters.misses).key("queries_total").number(counters.queries);
  json.key("queries_hit").number(counters.hits).key("queries_miss").number(counters.misses);
  json.key("hit_rate").number(hit_rate).key("inserts_total").number(counters.inserts);
  json.key("replication_forwards").number(cluster.forwards);
  json.key("replication_failures").number(cluster.replication_failures);
  json.key("replication_retries").number(cluster.replication_retries);
  json.key("read_repairs").number(cluster.read_repairs);
  json.key("read_repair_failures").number(cluster.read_repair_failures);
  json.key("compactions").number(counters.compactions).key("evictions_total").number(counters.evictions);
  json.key("index_rebuilds").number(counters.index_rebuilds);
  json.key("expirations_total").number(counters.expirations);
  json.key("deletions_total").number(counters.deletions);
  json.key("invalidations_total").number(counters.invalidations);
  json.key("exact_match_hits_total").number(counters.exact_match_hits).end_object();
}

void append_resources(const engine::EngineFigures& figures, JsonWriter& json) {
  json.key("memory").begin_object().key("bytes").number(figures.memory_bytes);
  json.key("max_bytes").number(figures.memory_max_bytes).end_object();
  json.key("wal").begin_object().key("bytes").number(figures.wal_bytes);
  json.key("segments").number(figures.wal_segments).key("sequence").number(figures.wal_sequence).end_object();
}

// The live entries of the whole cluster, copies counted once.
struct ClusterEntries {
  uint64_t count = 0;
  bool outdated = false;  // some owners could not be asked in time: this is the last good count
};

// What this node alone knows.
std::string stats_json(const Backend& backend, uint64_t entries, const VisibleNamespaces& visible,
                       const ClusterEntries& cluster) {
  const engine::Engine& engine = backend.engine;
  std::string body;
  body.reserve(2048 + visible.page.size() * 256);
  JsonWriter json(body);
  json.begin_object().key("entry_count").number(entries);
  json.key("cluster_entry_count").number(cluster.count);
  if (cluster.outdated) json.key("cluster_entry_count_outdated").boolean(true);
  json.key("wal_path").string(engine.options().data_folder);
  append_hnsw(engine.options().index, visible.page, json);
  json.key("namespaces").begin_object();
  for (const store::NamespaceStats& stats : visible.page) append_namespace(stats, json);
  json.end_object().key("namespace_count").number(engine.store().namespace_count());
  json.key("namespaces_truncated").boolean(visible.more);
  append_counters(backend, json);
  append_resources(engine.figures(), json);
  json.key("version").string(backend.options.version).end_object();
  return body;
}

// Answers with the figures of now and the count over the cluster.
void answer_stats(const Backend& backend, const Caller& caller, const ClusterEntries* counted,
                  http::Reply& reply) {
  const uint64_t entries = backend.engine.store().live_entries(backend.engine.now_ms());
  const ClusterEntries cluster = counted != nullptr ? *counted : ClusterEntries{entries, false};
  // This node's own listing: answered before the call returns.
  list_visible_namespaces(*backend.here, caller.fixed_scope, {{}, {}, limits::kNamespacesListedMax},
                          [&](const Result<VisibleNamespaces>& visible) {
                            if (!visible.ok()) return reply(error_answer(visible.status()));
                            reply(json_answer(stats_json(backend, entries, *visible, cluster)));
                          });
}

}  // namespace

void handle_stats(Call&& call) {
  Backend& backend = call.backend;
  if (backend.cluster == nullptr) return answer_stats(backend, call.caller, nullptr, call.reply);
  const auto answer = [&backend, caller = std::move(call.caller)](http::Reply& reply,
                                                                  const Result<uint64_t>& count) {
    if (count.ok()) backend.cluster_entries = *count;
    const ClusterEntries counted{backend.cluster_entries.load(), !count.ok()};
    answer_stats(backend, caller, &counted, reply);
  };
  backend.cache.count_entries(on_own_core<Result<uint64_t>>(std::move(call.reply), answer));
}

}  // namespace ferro::node::api
