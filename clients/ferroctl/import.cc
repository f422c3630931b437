// import: what export wrote, back into a cache. Ids are kept, so that doing it twice changes nothing.
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/progress.h"

namespace ferro::ferroctl {
namespace {

constexpr size_t kBatchItems = 100;       // of 1,536 dimensions: about 2 MB a request
constexpr size_t kBatchBytes = 4U << 20;  // of lines; one that is longer goes alone
constexpr int kHttpTooLarge = 413;
constexpr uint64_t kRefusalsShown = 10;

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

// Items and the lines that they stand on.
struct Batch {
  std::vector<Json> items;
  std::vector<uint64_t> lines;
  size_t bytes = 0;
};

class Import {
 public:
  Import(HttpClient& client, const std::string& path, std::string mark, uint64_t done_lines)
      : client_(client), path_(path), mark_(std::move(mark)), done_lines_(done_lines) {}

  // Every line behind the first `done_lines`.
  Status run(uint64_t lines) {
    std::ifstream in(path_);
    if (!in) return Status::not_found("cannot read " + path_);
    Progress progress("importing", lines);
    const auto now_unix = static_cast<int64_t>(std::time(nullptr));
    const uint64_t skip = done_lines_;
    uint64_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      progress.advance(1);
      if (number <= skip || line.empty()) continue;
      if (batch_.bytes + line.size() > kBatchBytes) FERRO_RETURN_IF_ERROR(flush(number - 1));
      const Json entry = Json::parse(line, nullptr, false);
      if (!entry.is_object()) {
        FERRO_RETURN_IF_ERROR(flush(number - 1));
        return Status::invalid(path_ + " line " + std::to_string(number) +
                               " is no JSON object; everything before it is stored");
      }
      Json item = item_of(entry, now_unix);
      if (item.is_null()) {
        ++tally_.expired;
        continue;
      }
      batch_.items.push_back(std::move(item));
      batch_.lines.push_back(number);
      batch_.bytes += line.size();
      if (batch_.items.size() == kBatchItems) FERRO_RETURN_IF_ERROR(flush(number));
    }
    return flush(number);
  }

  const Tally& tally() const noexcept { return tally_; }

 private:
  // Stores what was gathered; then everything up to `line` is done.
  Status flush(uint64_t line) {
    if (const Status sent = send(0, batch_.items.size()); !sent.ok()) {
      return sent.with_context("stopped: " + std::to_string(done_lines_) +
                               " lines are done, go on with --skip " + std::to_string(done_lines_));
    }
    batch_ = {};
    done_lines_ = line;
    if (mark_.empty()) return {};
    std::ofstream out(mark_);
    out << line << "\n";
    return out.flush() ? Status() : Status::io_error("cannot write " + mark_ + ", which --mark names");
  }

  // In halves where a request is more than the node takes.
  Status send(size_t begin, size_t end) {
    if (begin == end) return {};
    Json items = Json::array();
    for (size_t i = begin; i < end; ++i) items.push_back(batch_.items[i]);
    std::string body;
    try {
      body = Json{{"items", std::move(items)}}.dump();
    } catch (const Json::exception&) {
      return Status::invalid("a line up to " + std::to_string(batch_.lines[end - 1]) + " is not UTF-8 text");
    }
    const Result<HttpAnswer> answer = client_.call("POST", "/insert/batch", body);
    const bool too_large =
        answer.ok() ? answer->status == kHttpTooLarge : answer.status().code() == StatusCode::too_large;
    if (too_large && end - begin > 1) {
      const size_t middle = begin + (end - begin) / 2;
      FERRO_RETURN_IF_ERROR(send(begin, middle));
      return send(middle, end);
    }
    if (!answer.ok()) return answer.status();
    FERRO_ASSIGN_OR_RETURN(const Json parsed, json_of(*answer));
    const Json results = parsed.value("results", Json::array());
    if (results.size() != end - begin) return Status::internal("the node answered for other items than sent");
    for (size_t i = 0; i < results.size(); ++i)
      FERRO_RETURN_IF_ERROR(count(results[i], batch_.lines[begin + i]));
    return {};
  }

  // What the node cannot take now stops the import, or resuming would leave it out; what it never will is
  // told and left out.
  Status count(const Json& result, uint64_t line) {
    if (result.value("status", Json()) == "ok") {
      ++tally_.stored;
      return {};
    }
    const std::string reason = "line " + std::to_string(line) + " was refused: " + cell(result, "error");
    const Json status = result.value("status", Json());
    if (status.is_number_integer() && status.get<int>() >= 500) return Status::unavailable(reason);
    if (tally_.refused++ < kRefusalsShown) say(reason);
    return {};
  }

  HttpClient& client_;
  const std::string& path_;
  const std::string mark_;
  uint64_t done_lines_;
  Batch batch_;
  Tally tally_;
};

uint64_t lines_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

// 0 where there is no mark yet.
Result<uint64_t> lines_done(const std::string& mark) {
  if (mark.empty() || !std::filesystem::exists(mark)) return 0;
  std::ifstream file(mark);
  uint64_t lines = 0;
  if (file >> lines) return lines;
  return Status::invalid(mark + " is no mark of a former import: give --mark another name");
}

Status import_all(HttpClient& client, const std::string& path, const std::string& mark, uint64_t skip) {
  if (skip == 0) {
    FERRO_ASSIGN_OR_RETURN(skip, lines_done(mark));
  }
  const uint64_t lines = lines_in(path);
  if (skip > lines && lines > 0) {
    return Status::invalid(path + " has " + std::to_string(lines) + " lines, and " + std::to_string(skip) +
                           " are to be left out: is " + (mark.empty() ? "--skip" : mark) +
                           " of another file?");
  }
  Import import(client, path, mark, skip);
  FERRO_RETURN_IF_ERROR(import.run(lines));
  const Tally& tally = import.tally();
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
