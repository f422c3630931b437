// export: every entry as a line of JSON that `import` takes again.
#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/progress.h"

namespace ferro::ferroctl {
namespace {

// Ids of all entries of a namespace: an invalidation of everything at any similarity, tried dry.
Result<std::vector<std::string>> ids_of(HttpClient& client, const Json& ns) {
  const auto dimension = ns.value("dimension", size_t{0});
  if (dimension == 0) return std::vector<std::string>();
  std::vector<double> direction(dimension, 0.0);
  direction[0] = 1.0;
  Json body{{"dry_run", true},
            {"threshold", 0.0},
            {"embedding", direction},
            {"model_id", ns.value("model_id", "")}};
  for (const char* key : {"cache_scope", "conversation_id"}) {
    if (ns.contains(key)) body[key] = ns[key];
  }
  FERRO_ASSIGN_OR_RETURN(const Json found, client.json("POST", "/admin/invalidate", body));
  std::vector<std::string> ids;
  for (const Json& id : found.value("uuids", Json::array())) ids.push_back(id.get<std::string>());
  return ids;
}

std::unordered_set<std::string> ids_in(const std::string& path) {
  std::unordered_set<std::string> ids;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("id")) ids.insert(entry["id"].get<std::string>());
  }
  return ids;
}

// A run that was cut off may have left half a line.
Status cut_half_line(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::string content((std::istreambuf_iterator<char>(file)), {});
  const size_t whole = content.rfind('\n') == std::string::npos ? 0 : content.rfind('\n') + 1;
  if (whole == content.size()) return {};
  content.resize(whole);
  std::ofstream again(path, std::ios::binary | std::ios::trunc);
  again << content;
  return again ? Status() : Status::io_error("cannot write " + path);
}

Status export_all(HttpClient& client, const std::string& path, const std::string& prefix, bool resume) {
  std::unordered_set<std::string> known;
  if (resume) {
    FERRO_RETURN_IF_ERROR(cut_half_line(path));
    known = ids_in(path);
  } else if (std::ifstream(path).good()) {
    return Status::invalid(path + " exists: give another name, or --resume to go on with it");
  }
  std::ofstream out(path, std::ios::app);
  if (!out) return Status::io_error("cannot write " + path);
  uint64_t written = 0, vanished = 0;
  std::string after;
  do {
    FERRO_ASSIGN_OR_RETURN(const Json page,
                           client.json("GET", "/namespaces?limit=1000&prefix=" + escaped(prefix) +
                                                  (after.empty() ? "" : "&after=" + escaped(after))));
    for (const Json& ns : page.value("namespaces", Json::array())) {
      FERRO_ASSIGN_OR_RETURN(const std::vector<std::string> ids, ids_of(client, ns));
      Progress progress(one_line(ns.value("name", ""), 40), ids.size());
      for (const std::string& id : ids) {
        progress.advance(1);
        if (known.contains(id)) continue;
        const Result<Json> entry = client.json("GET", "/entry/" + escaped(id) + "?vector=true");
        if (!entry.ok() && entry.status().code() == StatusCode::not_found) {
          ++vanished;  // deleted or expired meanwhile
          continue;
        }
        if (!entry.ok())
          return entry.status().with_context("after " + std::to_string(written) +
                                             " entries (--resume goes on)");
        out << entry->dump() << "\n";
        ++written;
      }
    }
    after = page.contains("next") && page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty());
  out.flush();
  if (!out) return Status::io_error("cannot write " + path + ": is the disk full?");
  say("exported " + std::to_string(written) + " entries to " + path +
      (known.empty() ? "" : ", " + std::to_string(known.size()) + " were there already") +
      (vanished > 0 ? ", " + std::to_string(vanished) + " went meanwhile" : ""));
  return {};
}

}  // namespace

void add_export(CLI::App& app, Session& session) {
  CLI::App* const command = app.add_subcommand("export", "all entries, vectors included, as JSON lines");
  const auto path = std::make_shared<std::string>(), prefix = std::make_shared<std::string>();
  const auto resume = std::make_shared<bool>(false);
  command->add_option("file", *path)->required();
  command->add_option("--prefix", *prefix, "only namespaces whose printed name begins so");
  command->add_flag("--resume", *resume, "go on with a file that was cut off");
  on_connected(*command, session, [path, prefix, resume](HttpClient& client) {
    return export_all(client, *path, *prefix, *resume);
  });
}

}  // namespace ferro::ferroctl
