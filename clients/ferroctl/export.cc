// export: every entry as a line of JSON that `import` takes again.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/namespaces.h"
#include "clients/ferroctl/progress.h"

namespace ferro::ferroctl {
namespace {

constexpr std::array<const char*, 3> kPlace{"model_id", "cache_scope", "conversation_id"};

// The same id may stand in several namespaces.
std::string key_of(const Json& place, const std::string& id) {
  std::string key = id;
  for (const char* name : kPlace) key += "\n" + place.value(name, "");
  return key;
}

// Ids of all entries of a namespace: all that are alike to some direction or to its opposite, by an
// invalidation that is tried dry. Every vector is on one side of the plane between the two.
Result<std::set<std::string>> ids_of(HttpClient& client, const Json& ns) {
  std::set<std::string> ids;
  const auto dimension = ns.value("dimension", size_t{0});
  if (dimension == 0) return ids;
  for (const double side : {1.0, -1.0}) {
    std::vector<double> direction(dimension, 0.0);
    direction[0] = side;
    Json body{{"dry_run", true}, {"threshold", 0.0}, {"embedding", direction}};
    for (const char* key : kPlace) {
      if (ns.contains(key)) body[key] = ns[key];
    }
    FERRO_ASSIGN_OR_RETURN(const Json found, client.json("POST", "/admin/invalidate", body));
    for (const Json& id : found.value("uuids", Json::array())) ids.insert(id.get<std::string>());
  }
  return ids;
}

std::string target_of(const Json& ns, const std::string& id) {
  std::string target = "/entry/" + escaped(id) + "?vector=true";
  for (const char* key : kPlace) {
    if (ns.contains(key)) target += std::string("&") + key + "=" + escaped(ns.value(key, ""));
  }
  return target;
}

std::unordered_set<std::string> keys_in(const std::string& path) {
  std::unordered_set<std::string> keys;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("id")) keys.insert(key_of(entry, entry.value("id", "")));
  }
  return keys;
}

// A run that was cut off may have left half a line.
Status cut_half_line(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  auto end = static_cast<int64_t>(file.tellg());
  const int64_t size = end;
  std::array<char, 65'536> part;
  while (end > 0) {
    const int64_t begin = std::max<int64_t>(0, end - static_cast<int64_t>(part.size()));
    file.seekg(begin);
    if (!file.read(part.data(), end - begin)) return Status::io_error("cannot read " + path);
    const size_t newline = std::string_view(part.data(), static_cast<size_t>(end - begin)).rfind('\n');
    if (newline != std::string_view::npos) {
      end = begin + static_cast<int64_t>(newline) + 1;
      break;
    }
    end = begin;
  }
  if (end == size) return {};
  std::error_code failed;
  std::filesystem::resize_file(path, static_cast<uintmax_t>(end), failed);
  return failed ? Status::io_error("cannot write " + path + ": " + failed.message()) : Status();
}

class Export {
 public:
  Export(HttpClient& client, std::ofstream& out, uint64_t total)
      : client_(client), out_(out), progress_("exporting", total) {}

  // What `known` names is in the file already.
  Status add(const Json& ns, const std::unordered_set<std::string>& known) {
    FERRO_ASSIGN_OR_RETURN(const std::set<std::string> ids, ids_of(client_, ns));
    std::vector<std::string> targets;
    for (const std::string& id : ids) {
      if (known.empty() || !known.contains(key_of(ns, id))) targets.push_back(target_of(ns, id));
    }
    progress_.advance(ids.size() - targets.size());
    return client_.get_each(targets, [this](size_t, const Result<HttpAnswer>& answer) {
      if (!answer.ok()) return stopped(answer.status());
      progress_.advance(1);
      if (answer->status == 404) {  // deleted or expired meanwhile
        ++vanished_;
        return Status();
      }
      if (answer->status != 200) return stopped(meaning_of(*answer));
      // As the node wrote it, which is one line: not a digit of a vector changes.
      out_ << answer->body << '\n';
      ++written_;
      return out_ ? Status() : Status::io_error("cannot write the file: is the disk full?");
    });
  }

  uint64_t written() const noexcept { return written_; }
  uint64_t vanished() const noexcept { return vanished_; }

 private:
  Status stopped(const Status& why) const {
    return why.with_context("after " + std::to_string(written_) + " entries (--resume goes on)");
  }

  HttpClient& client_;
  std::ofstream& out_;
  Progress progress_;
  uint64_t written_ = 0, vanished_ = 0;
};

Status export_all(HttpClient& client, const std::string& path, const std::string& prefix, bool resume) {
  std::unordered_set<std::string> known;
  if (resume) {
    FERRO_RETURN_IF_ERROR(cut_half_line(path));
    known = keys_in(path);
  } else if (std::ifstream(path).good()) {
    return Status::invalid(path + " exists: give another name, or --resume to go on with it");
  }
  FERRO_ASSIGN_OR_RETURN(const Json namespaces, namespaces_of(client, prefix));
  std::ofstream out(path, std::ios::app);
  if (!out) return Status::io_error("cannot write " + path);
  uint64_t total = 0;
  for (const Json& ns : namespaces) total += ns.value("entry_count", uint64_t{0});
  uint64_t written = 0, vanished = 0;
  {
    Export run(client, out, total);
    for (const Json& ns : namespaces) FERRO_RETURN_IF_ERROR(run.add(ns, known));
    written = run.written();
    vanished = run.vanished();
  }
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
  command->add_option("file", *path, "where to write them; must not exist, unless with --resume")->required();
  command->add_option("--prefix", *prefix, "only namespaces whose printed name begins so");
  command->add_flag("--resume", *resume, "go on with a file that was cut off");
  on_connected(*command, session, [path, prefix, resume](HttpClient& client) {
    return export_all(client, *path, *prefix, *resume);
  });
}

}  // namespace ferro::ferroctl
