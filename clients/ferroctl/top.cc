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

// One that hangs must not keep the others from being seen.
constexpr int64_t kWaitMs = 2000;

volatile std::sig_atomic_t interrupted = 0;

struct Reading {
  Samples samples;
  std::chrono::steady_clock::time_point at;
};

struct Nodes {
  std::string self = "-";
  std::map<std::string, std::unique_ptr<HttpClient>> peers;
};

// Looks who is there now; who went stays in view, as one that does not answer, for as long as the asked node
// tells of it. Through a forwarded port peers cannot be reached, so only the asked node is shown.
Status look_around(HttpClient& client, const Session& session, Nodes& nodes) {
  FERRO_ASSIGN_OR_RETURN(const Json status, client.json("GET", "/cluster/status"));
  nodes.self = cell(status, "node_id");
  if (!session.connection.cluster.empty()) return {};
  const std::string scheme = client.base_url().substr(0, client.base_url().find("://") + 3);
  std::map<std::string, std::unique_ptr<HttpClient>> peers;
  for (const Json& peer : status.value("peers", Json::array())) {
    const std::string name = cell(peer, "node_id"), url = scheme + cell(peer, "api_addr");
    const auto known = nodes.peers.find(name);
    if (known != nodes.peers.end() && known->second->base_url() == url) {
      peers.insert(nodes.peers.extract(known));
    } else if (Result<std::unique_ptr<HttpClient>> opened = client.to(url, kWaitMs); opened.ok()) {
      peers.emplace(name, std::move(opened).value());
    }
  }
  nodes.peers = std::move(peers);
  return {};
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
  if (before != nullptr && queries > 0) {
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
  Nodes nodes;
  FERRO_RETURN_IF_ERROR(look_around(client, session, nodes));  // a wrong address or token is no picture
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<HttpClient> asked, client.to(client.base_url(), kWaitMs));
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
      if (!answer.ok()) return table.add({name, "does not answer within 2 s"});
      if (answer->status != 200) return table.add({name, one_line(meaning_of(*answer).message(), 100)});
      Reading now{Samples(answer->body), std::chrono::steady_clock::now()};
      const auto former = before.find(name);
      table.add(row_of(name, former == before.end() ? nullptr : &former->second, now));
      before.insert_or_assign(name, std::move(now));
    };
    if (round > 0) static_cast<void>(look_around(*asked, session, nodes));  // else those seen before
    add(nodes.self, *asked);
    for (const auto& [name, node] : nodes.peers) add(name, *node);
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
