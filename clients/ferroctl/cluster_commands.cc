// status, stats, namespaces, drain, compact.
#include <ctime>
#include <memory>
#include <string>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/namespaces.h"

namespace ferro::ferroctl {
namespace {

std::string member_lines(const Json& status) {
  Table table({"NODE", "STATE", "HEALTH", "VERSION", "LATENCY", "HINTS", "TOKEN GEN", "CERTIFICATE ENDS"});
  const auto ends = [](const Json& of) {
    const int64_t at = of.value("/certificate/not_after"_json_pointer, int64_t{0});
    return at == 0 ? std::string("-") : "in " + age_text(at - static_cast<int64_t>(std::time(nullptr)));
  };
  table.add({cell(status, "node_id") + " (asked)", cell(status, "state"), "Alive", cell(status, "version"),
             "-", bytes_text(status.value("/replication/hint_bytes"_json_pointer, 0.0)),
             std::to_string(status.value("/auth/token_generation"_json_pointer, 0)), ends(status)});
  for (const Json& peer : status.value("peers", Json::array())) {
    table.add({cell(peer, "node_id"), cell(peer, "state"), cell(peer, "status"), cell(peer, "version"),
               cell(peer, "latency_ms").substr(0, 5) + " ms", bytes_text(peer.value("hint_bytes", 0.0)),
               cell(peer, "token_generation"), ends(peer)});
  }
  return table.text();
}

Status show_status(HttpClient& client, Session& session) {
  FERRO_ASSIGN_OR_RETURN(const Json status, client.json("GET", "/cluster/status"));
  std::string text = member_lines(status);
  text += "\nring: " + cell(status, "ring_size") + " members";
  if (status.contains("ring")) {
    text += ", epoch " + cell(status["ring"], "epoch") +
            (status["ring"].value("changing", false) ? ", changing" : "");
  }
  text += "\npartitions: " + cell(status, "partitions_owned") + " owned, " +
          cell(status, "partitions_under_replicated") + " short of copies, " +
          cell(status, "partitions_out_of_step") + " out of step\n";
  for (const char* kind : {"catch_up", "hand_over", "drain"}) {
    if (!status.contains(kind) || !status[kind].value("running", false)) continue;
    text += std::string(kind) + ": " + cell(status[kind], "partitions_done") + " of " +
            cell(status[kind], "partitions_total") + " partitions, " + cell(status[kind], "entries_moved") +
            " entries\n";
  }
  if (status.contains("reason")) text += "reason: " + cell(status, "reason") + "\n";
  print(session.output(), status, text);
  return {};
}

Status show_stats(HttpClient& client, Session& session) {
  FERRO_ASSIGN_OR_RETURN(const Json stats, client.json("GET", "/stats"));
  const Json counters = stats.value("counters", Json::object());
  Table table({"FIGURE", "VALUE"});
  table.add({"entries", cell(stats, "entry_count")});
  for (const auto& [name, value] : counters.items()) table.add({name, value.dump()});
  print(session.output(), stats, table.text());
  return {};
}

Status list_namespaces(HttpClient& client, Session& session, const std::string& prefix) {
  FERRO_ASSIGN_OR_RETURN(const Json all, namespaces_of(client, prefix));
  Table table({"NAMESPACE", "ENTRIES", "DIMENSION", "SIZE"});
  for (const Json& one : all) {
    table.add({cell(one, "name"), cell(one, "entry_count"), cell(one, "dimension"),
               bytes_text(one.value("bytes", 0.0))});
  }
  print(session.output(), all, table.text());
  return {};
}

}  // namespace

void add_cluster_commands(CLI::App& app, Session& session) {
  CLI::App* const status =
      app.add_subcommand("status", "members, ring, copies, certificates, as the asked node sees them");
  on_connected(*status, session, [&session](HttpClient& client) { return show_status(client, session); });

  CLI::App* const stats = app.add_subcommand("stats", "counters of the asked node");
  on_connected(*stats, session, [&session](HttpClient& client) { return show_stats(client, session); });

  CLI::App* const namespaces = app.add_subcommand("namespaces", "list namespaces; drop one with --drop");
  const auto prefix = std::make_shared<std::string>(), drop = std::make_shared<std::string>();
  namespaces->add_option("--prefix", *prefix, "only names that begin so");
  namespaces->add_option("--drop", *drop, "delete this namespace (its printed name) with all its entries");
  on_connected(*namespaces, session, [&session, prefix, drop](HttpClient& client) -> Status {
    if (drop->empty()) return list_namespaces(client, session, *prefix);
    FERRO_ASSIGN_OR_RETURN(const Json done, client.json("DELETE", "/namespaces/" + escaped(*drop)));
    print(session.output(), done, "deleted " + cell(done, "deleted_count") + " entries\n");
    return {};
  });

  CLI::App* const drain =
      app.add_subcommand("drain", "hand everything over and leave the ring; --cancel takes it back");
  const auto cancel = std::make_shared<bool>(false);
  drain->add_flag("--cancel", *cancel, "stay after all");
  on_connected(*drain, session, [&session, cancel](HttpClient& client) -> Status {
    FERRO_ASSIGN_OR_RETURN(const Json done, client.json(*cancel ? "DELETE" : "POST", "/admin/drain"));
    print(session.output(), done, cell(done, "status") + "; watch it with `ferroctl status`\n");
    return {};
  });

  CLI::App* const compact = app.add_subcommand("compact", "take a snapshot now and drop the log behind it");
  on_connected(*compact, session, [&session](HttpClient& client) -> Status {
    FERRO_ASSIGN_OR_RETURN(const Json done, client.json("POST", "/admin/compact"));
    print(session.output(), done, cell(done, "entries_snapshotted") + " entries in the snapshot\n");
    return {};
  });
}

}  // namespace ferro::ferroctl
