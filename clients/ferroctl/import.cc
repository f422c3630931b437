// import: what export wrote, back into a cache. Ids are kept, so that doing it twice changes nothing.
#include <ctime>
#include <fstream>
#include <memory>
#include <string>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/progress.h"

namespace ferro::ferroctl {
namespace {

constexpr size_t kBatchItems = 100;  // of 1,536 dimensions: about 2 MB a request

struct Tally {
  uint64_t stored = 0, expired = 0, refused = 0;
};

// An exported entry as an item of /insert/batch; null for one whose time is over.
Json item_of(const Json& entry, int64_t now_unix) {
  Json item;
  for (const char* key : {"id", "response", "query_text", "model_id", "cache_scope", "conversation_id",
                          "tags", "attributes", "cost", "embedding", "embedding_b64", "ttl_seconds"}) {
    if (entry.contains(key) && !entry[key].is_null()) item[key] = entry[key];
  }
  if (entry.contains("expires_at") && entry["expires_at"].is_number()) {
    const auto left = static_cast<int64_t>(entry["expires_at"].get<double>()) - now_unix;
    if (left <= 0) return nullptr;
    item["ttl_seconds"] = left;
  }
  return item;
}

Status send(HttpClient& client, Json& items, uint64_t first_line, Tally& tally) {
  if (items.empty()) return {};
  FERRO_ASSIGN_OR_RETURN(const Json answer, client.json("POST", "/insert/batch", Json{{"items", items}}));
  for (const Json& result : answer.value("results", Json::array())) {
    if (result.value("status", Json()) == "ok") {
      ++tally.stored;
      continue;
    }
    if (tally.refused++ < 10) {
      say("near line " + std::to_string(first_line) + ": refused: " + cell(result, "error"));
    }
  }
  items = Json::array();
  return {};
}

uint64_t lines_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

Status import_all(HttpClient& client, const std::string& path, const std::string& mark, uint64_t skip) {
  std::ifstream in(path);
  if (!in) return Status::not_found("cannot read " + path);
  if (skip == 0 && !mark.empty()) {
    std::ifstream former(mark);
    former >> skip;
  }
  Progress progress("importing", lines_in(path));
  Tally tally;
  Json items = Json::array();
  uint64_t number = 0;
  const auto now_unix = static_cast<int64_t>(std::time(nullptr));
  const auto flush = [&]() -> Status {
    if (Status sent = send(client, items, number, tally); !sent.ok()) {
      return sent.with_context("stopped near line " + std::to_string(number) + "; go on with --skip " +
                               std::to_string(number < kBatchItems ? 0 : number - kBatchItems));
    }
    if (!mark.empty()) std::ofstream(mark) << number << "\n";
    return {};
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    progress.advance(1);
    if (number <= skip || line.empty()) continue;
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object())
      return Status::invalid(path + " line " + std::to_string(number) + " is no JSON object");
    Json item = item_of(entry, now_unix);
    if (item.is_null()) {
      ++tally.expired;
      continue;
    }
    items.push_back(std::move(item));
    if (items.size() == kBatchItems) FERRO_RETURN_IF_ERROR(flush());
  }
  FERRO_RETURN_IF_ERROR(flush());
  say("stored " + std::to_string(tally.stored) + ", left out " + std::to_string(tally.expired) +
      " whose time was over, refused " + std::to_string(tally.refused));
  return tally.refused == 0 ? Status()
                            : Status::internal(std::to_string(tally.refused) + " entries were refused");
}

}  // namespace

void add_import(CLI::App& app, Session& session) {
  CLI::App* const command =
      app.add_subcommand("import", "store what `export` wrote (JSON lines); may be repeated without harm");
  const auto path = std::make_shared<std::string>(), mark = std::make_shared<std::string>();
  const auto skip = std::make_shared<uint64_t>(0);
  command->add_option("file", *path, "what export wrote")->required();
  command->add_option("--mark", *mark, "a file that remembers how far it came, to go on there next time");
  command->add_option("--skip", *skip, "lines to leave out at the beginning");
  on_connected(*command, session,
               [path, mark, skip](HttpClient& client) { return import_all(client, *path, *mark, *skip); });
}

}  // namespace ferro::ferroctl
