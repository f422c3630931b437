// top: all nodes of a cluster, refreshed, from their metrics.
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/prometheus_text.h"

namespace ferro::ferroctl {
namespace {

volatile std::sig_atomic_t interrupted = 0;

struct Reading {
  Samples samples;
  std::chrono::steady_clock::time_point at;
};

// Addresses of the asked node's peers; through a forwarded port they cannot be reached, so only the asked
// node is shown.
std::map<std::string, std::unique_ptr<HttpClient>> peers_of(HttpClient& client, const Session& session,
                                                            std::string& self) {
  std::map<std::string, std::unique_ptr<HttpClient>> peers;
  const Result<Json> status = client.json("GET", "/cluster/status");
  if (!status.ok()) return peers;
  self = cell(status.value(), "node_id");
  if (!session.connection.cluster.empty()) return peers;
  for (const Json& peer : status->value("peers", Json::array())) {
    Result<std::unique_ptr<HttpClient>> opened = connect_to(session.connection, cell(peer, "api_addr"));
    if (opened.ok()) peers.emplace(cell(peer, "node_id"), std::move(opened).value());
  }
  return peers;
}

std::vector<std::string> row_of(const std::string& name, const Reading* before, const Reading& now) {
  const auto rate = [&](const std::string& counter) {
    if (before == nullptr) return 0.0;
    const double seconds = std::chrono::duration<double>(now.at - before->at).count();
    return seconds <= 0
               ? 0.0
               : std::max(0.0, now.samples.value(counter) - before->samples.value(counter)) / seconds;
  };
  const double hits = rate("ferrocache_queries_hit_total"), queries = rate("ferrocache_queries_total");
  const double limit = now.samples.value("ferrocache_memory_max_bytes");
  char share[16] = "-", memory[16] = "-", p99[32] = "-";
  if (queries > 0) std::snprintf(share, sizeof share, "%.0f %%", 100 * hits / queries);
  if (limit > 0)
    std::snprintf(memory, sizeof memory, "%.0f %%",
                  100 * now.samples.value("ferrocache_memory_bytes") / limit);
  if (before != nullptr) {
    const double seconds = quantile(0.99, before->samples.buckets("ferrocache_query_duration_seconds"),
                                    now.samples.buckets("ferrocache_query_duration_seconds"));
    std::snprintf(p99, sizeof p99, "%.2f ms", seconds * 1000);
  }
  return {name,
          now.samples.value("ferrocache_ready") > 0 ? "yes" : "no",
          number_text(queries),
          share,
          p99,
          number_text(rate("ferrocache_inserts_total")),
          number_text(now.samples.value("ferrocache_index_entries")),
          memory,
          number_text(now.samples.value("ferrocache_http_connections"))};
}

Status show_top(HttpClient& client, Session& session, double interval_s, int64_t rounds) {
  std::string self = "-";
  const auto peers = peers_of(client, session, self);
  std::map<std::string, Reading> before;
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::mutex mutex;
  std::condition_variable never;
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  for (int64_t round = 0; interrupted == 0 && (rounds == 0 || round <= rounds); ++round) {
    Table table(
        {"NODE", "READY", "QUERIES/S", "HITS", "P99", "INSERTS/S", "ENTRIES", "MEMORY", "CONNECTIONS"});
    const auto add = [&](const std::string& name, HttpClient& node) {
      const Result<HttpAnswer> answer = node.call("GET", "/metrics");
      if (!answer.ok() || answer->status != 200) return table.add({name, "does not answer"});
      Reading now{Samples(answer->body), std::chrono::steady_clock::now()};
      const auto former = before.find(name);
      table.add(row_of(name, former == before.end() ? nullptr : &former->second, now));
      before.insert_or_assign(name, std::move(now));
    };
    add(self, client);
    for (const auto& [name, node] : peers) add(name, *node);
    if (round > 0) {
      std::printf("%s%s%s", terminal ? "\x1b[H\x1b[2J" : "", table.text().c_str(), terminal ? "" : "\n");
      std::fflush(stdout);
    }
    std::unique_lock lock(mutex);
    if (rounds == 0 || round < rounds)
      never.wait_for(lock, std::chrono::duration<double>(interval_s), [] { return interrupted != 0; });
  }
  return {};
}

}  // namespace

void add_top(CLI::App& app, Session& session) {
  CLI::App* const top =
      app.add_subcommand("top", "requests, latency, memory of every node, refreshed; Ctrl-C ends it");
  const auto interval = std::make_shared<double>(2.0);
  const auto rounds = std::make_shared<int64_t>(0);
  top->add_option("--interval", *interval, "seconds")->check(CLI::Range(0.2, 3600.0))->capture_default_str();
  top->add_option("--rounds", *rounds, "end after so many pictures; 0 = go on")->capture_default_str();
  on_connected(*top, session, [&session, interval, rounds](HttpClient& client) {
    return show_top(client, session, *interval, *rounds);
  });
}

}  // namespace ferro::ferroctl
