// bench: a short closed-loop load against a live cache, in a namespace of its own that is dropped afterwards.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "clients/ferroctl/commands.h"

namespace ferro::ferroctl {
namespace {

struct Plan {
  int clients = 4;
  double seconds = 5;
  int dimension = 384;
  int entries = 1000;
  double insert_share = 0.1;
};

struct Outcome {
  std::vector<double> query_ms, insert_ms;
  uint64_t hits = 0, failed = 0;
  std::string failure;
};

std::vector<float> random_vector(std::mt19937_64& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<size_t>(dimension));
  for (float& value : vector) value = std::round(normal(random) * 1e4F) / 1e4F;
  return vector;
}

Json body_of(const std::string& model, const std::vector<float>& vector, bool insert, uint64_t number) {
  Json body{{"model_id", model}, {"embedding", vector}};
  if (insert) {
    body["query_text"] = "bench " + std::to_string(number);
    body["response"] = "an answer of the benchmark";
    body["ttl_seconds"] = 600;
  }
  return body;
}

void work(const HttpClient& like, const Plan& plan, const std::string& model,
          const std::vector<std::vector<float>>& known, uint64_t seed, Outcome& out) {
  using Clock = std::chrono::steady_clock;
  const Result<std::unique_ptr<HttpClient>> client = like.to(like.base_url());
  if (!client.ok()) {
    out.failure = client.status().message();
    return;
  }
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> share(0, 1);
  const auto end = Clock::now() + std::chrono::duration<double>(plan.seconds);
  for (uint64_t number = 0; Clock::now() < end; ++number) {
    const bool insert = share(random) < plan.insert_share;
    const Json body =
        body_of(model, insert ? random_vector(random, plan.dimension) : known[random() % known.size()],
                insert, number);
    const auto begin = Clock::now();
    const Result<Json> answer = (*client)->json("POST", insert ? "/insert" : "/query", body);
    const double took_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    if (!answer.ok()) {
      ++out.failed;
      out.failure = answer.status().message();
      continue;
    }
    (insert ? out.insert_ms : out.query_ms).push_back(took_ms);
    if (!insert && answer->value("hit", false)) ++out.hits;
  }
}

std::vector<std::string> row_of(const std::string& what, std::vector<double>& times, double seconds,
                                Json& figures) {
  std::sort(times.begin(), times.end());
  const auto at = [&times](double share) {
    return times.empty() ? 0.0
                         : times[std::min(times.size() - 1,
                                          static_cast<size_t>(share * static_cast<double>(times.size())))];
  };
  const auto text = [](double ms) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.2f ms", ms);
    return std::string(buffer);
  };
  figures[what] = {{"count", times.size()},
                   {"per_second", static_cast<double>(times.size()) / seconds},
                   {"p50_ms", at(0.5)},
                   {"p99_ms", at(0.99)}};
  return {what, std::to_string(times.size()), number_text(static_cast<double>(times.size()) / seconds),
          text(at(0.5)), text(at(0.99))};
}

Status run_bench(HttpClient& client, Session& session, const Plan& plan) {
  std::mt19937_64 random(std::random_device{}());
  const std::string model =
      "ferroctl-bench-" + std::to_string(random() % 1'000'000'000) + "::" + std::to_string(plan.dimension);
  std::vector<std::vector<float>> known;
  Json items = Json::array();
  say("storing " + std::to_string(plan.entries) + " entries in " + model);
  for (int i = 0; i < plan.entries; ++i) {
    known.push_back(random_vector(random, plan.dimension));
    items.push_back(body_of(model, known.back(), true, static_cast<uint64_t>(i)));
    if (items.size() == 200 || i + 1 == plan.entries) {
      FERRO_RETURN_IF_ERROR(client.json("POST", "/insert/batch", Json{{"items", items}}).status());
      items = Json::array();
    }
  }
  std::vector<Outcome> outcomes(static_cast<size_t>(plan.clients));
  std::vector<std::thread> threads;
  threads.reserve(outcomes.size());
  for (Outcome& outcome : outcomes) {
    threads.emplace_back([&, seed = random()] { work(client, plan, model, known, seed, outcome); });
  }
  for (std::thread& thread : threads) thread.join();
  Status dropped = client.json("DELETE", "/namespaces/" + escaped(model)).status();
  Outcome all;
  for (Outcome& one : outcomes) {
    all.query_ms.insert(all.query_ms.end(), one.query_ms.begin(), one.query_ms.end());
    all.insert_ms.insert(all.insert_ms.end(), one.insert_ms.begin(), one.insert_ms.end());
    all.hits += one.hits;
    all.failed += one.failed;
    if (!one.failure.empty()) all.failure = one.failure;
  }
  Json figures{{"hits", all.hits}, {"failed", all.failed}};
  Table table({"REQUEST", "COUNT", "A SECOND", "P50", "P99"});
  table.add(row_of("query", all.query_ms, plan.seconds, figures));
  table.add(row_of("insert", all.insert_ms, plan.seconds, figures));
  print(session.output(), figures,
        table.text() + std::to_string(all.hits) + " hits, " + std::to_string(all.failed) + " failed\n");
  if (!all.failure.empty()) return Status::internal("requests failed, the last with: " + all.failure);
  return dropped;
}

}  // namespace

void add_bench(CLI::App& app, Session& session) {
  CLI::App* const bench =
      app.add_subcommand("bench", "a short load on a live cache: what do its clients get?");
  const auto plan = std::make_shared<Plan>();
  bench->add_option("--clients", plan->clients, "connections that ask at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  bench->add_option("--seconds", plan->seconds, "how long")
      ->check(CLI::Range(0.5, 3600.0))
      ->capture_default_str();
  bench->add_option("--dimension", plan->dimension, "of the vectors")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  bench->add_option("--entries", plan->entries, "stored before it begins")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  bench->add_option("--insert-share", plan->insert_share, "of the requests, 0 to 1; the others ask")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  on_connected(*bench, session,
               [&session, plan](HttpClient& client) { return run_bench(client, session, *plan); });
}

}  // namespace ferro::ferroctl
