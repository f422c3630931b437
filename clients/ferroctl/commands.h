// Every subcommand: one function that adds it to the parser. The callback leaves its outcome in
// `Session::result`; the exit code follows from it (main_command.cc).
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "clients/ferroctl/connection.h"
#include "clients/ferroctl/output.h"
#include "common/base/status.h"

namespace ferro::ferroctl {

// What all commands share. Owned by main_command; outlives parsing.
struct Session {
  ConnectionOptions connection;
  std::string format = "table";
  Status result;
  // Of commands whose answer is an exit code: `query` without a hit.
  bool negative = false;

  Format output() const {
    return format == "json" ? Format::json : format == "yaml" ? Format::yaml : Format::table;
  }
};

void add_cluster_commands(CLI::App& app, Session& session);  // status, stats, namespaces, drain, compact
void add_top(CLI::App& app, Session& session);
void add_entry_commands(CLI::App& app, Session& session);  // query, insert, get, delete, invalidate
void add_export(CLI::App& app, Session& session);
void add_import(CLI::App& app, Session& session);
void add_offline_commands(CLI::App& app, Session& session);  // snapshot, wal, config
void add_bench(CLI::App& app, Session& session);
void add_kube_commands(CLI::App& app, Session& session);  // why, rotate
void add_bundle(CLI::App& app, Session& session);

// Runs `body` when the subcommand is chosen.
void on_chosen(CLI::App& command, Session& session, std::function<Status()> body);
// The same with a connected client.
void on_connected(CLI::App& command, Session& session, std::function<Status(HttpClient&)> body);

}  // namespace ferro::ferroctl
