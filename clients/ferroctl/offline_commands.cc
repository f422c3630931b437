// snapshot, wal, config: on the files of a stopped node.
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/process.h"
#include "common/io/posix_file_system.h"
#include "node/model/operation.h"
#include "node/snapshot/file_reader.h"
#include "node/snapshot/manifest.h"
#include "node/wal/inspect.h"

namespace ferro::ferroctl {
namespace {

namespace wal = node::wal;
namespace snapshot = node::snapshot;

constexpr int64_t kCheckWaitMs = 60'000;  // it reads a few files

// Those that the manifest names, oldest first. not_found if the folder is none of a node.
Result<std::vector<snapshot::SnapshotInfo>> manifest_of(io::FileSystem& fs, const std::string& folder) {
  const std::string path = folder + "/" + std::string(snapshot::kManifestName);
  FERRO_ASSIGN_OR_RETURN(const bool there, fs.exists(path));
  if (!there) {
    FERRO_ASSIGN_OR_RETURN(const wal::LogReport log, wal::verify_log(fs, folder, 0));
    FERRO_ASSIGN_OR_RETURN(const bool has_identity, fs.exists(folder + "/IDENTITY"));
    if (log.segments.empty() && !has_identity)
      return Status::not_found(folder + " holds no data of a node: give the folder that wal_path names");
    return std::vector<snapshot::SnapshotInfo>();
  }
  const std::string what = "snapshot manifest " + path;
  FERRO_ASSIGN_OR_RETURN(const std::string text, io::read_file(fs, path, snapshot::kManifestBytesMax));
  auto decoded = snapshot::decode_manifest(text);
  if (!decoded.ok()) return decoded.status().with_context(what);
  return decoded;
}

Status verified(io::FileSystem& fs, const std::string& folder, const snapshot::SnapshotInfo& info) {
  return snapshot::read_snapshot_file(fs, folder + "/" + info.file, [](uint8_t, Bytes) { return Status(); })
      .status();
}

Status show_snapshots(Session& session, const std::string& folder, bool verify) {
  io::PosixFileSystem fs;
  FERRO_ASSIGN_OR_RETURN(const std::vector<snapshot::SnapshotInfo> all, manifest_of(fs, folder));
  Json list = Json::array();
  Table table({"NUMBER", "FILE", "UP TO", "RECORDS", "SIZE", verify ? "VERDICT" : ""});
  Status worst;
  for (const snapshot::SnapshotInfo& info : all) {
    Status verdict;
    if (verify) {
      verdict = verified(fs, folder, info);
      if (!verdict.ok()) worst = verdict;
    }
    list.push_back({{"number", info.number},
                    {"file", info.file},
                    {"wal_sequence", info.wal_sequence},
                    {"records", info.records},
                    {"bytes", info.bytes},
                    {"created_at_ms", info.created_at_ms}});
    if (verify) list.back()["verdict"] = verdict.ok() ? "ok" : verdict.message();
    table.add({std::to_string(info.number), info.file, std::to_string(info.wal_sequence),
               std::to_string(info.records), bytes_text(static_cast<double>(info.bytes)),
               !verify        ? ""
               : verdict.ok() ? "ok"
                              : verdict.message()});
  }
  print(session.output(), list, all.empty() ? "no snapshots\n" : table.text());
  return worst;
}

Status verify_log(Session& session, const std::string& folder) {
  io::PosixFileSystem fs;
  // A start begins with the newest snapshot that verifies, and needs the log behind it.
  uint64_t after = 0;
  FERRO_ASSIGN_OR_RETURN(const std::vector<snapshot::SnapshotInfo> snapshots, manifest_of(fs, folder));
  for (auto info = snapshots.rbegin(); info != snapshots.rend(); ++info) {
    const Status read = verified(fs, folder, *info);
    after = read.ok() ? info->wal_sequence : 0;
    if (read.ok()) break;
    say(read.message());
  }
  FERRO_ASSIGN_OR_RETURN(const wal::LogReport report, wal::verify_log(fs, folder, after));
  Json segments = Json::array();
  Table table({"SEGMENT", "FIRST", "NEXT", "RECORDS", "USED", "STATE"});
  for (const wal::SegmentReport& one : report.segments) {
    const std::string state = !one.header.ok() ? one.header.message()
                              : one.closed     ? "closed"
                              : one.salvaged   ? "salvaged"
                              : &one == &report.segments.back()
                                  ? "open"
                                  : "damaged behind byte " + std::to_string(one.used_bytes);
    segments.push_back({{"file", one.file},
                        {"first_sequence", one.first_sequence},
                        {"next_sequence", one.next_sequence},
                        {"records", one.records},
                        {"used_bytes", one.used_bytes},
                        {"state", state}});
    table.add({one.file, std::to_string(one.first_sequence), std::to_string(one.next_sequence),
               std::to_string(one.records), bytes_text(static_cast<double>(one.used_bytes)), state});
  }
  const std::string verdict = report.verdict.ok() ? "a start would accept it"
                                                  : "a start would refuse it: " + report.verdict.message();
  print(session.output(),
        Json{{"segments", segments},
             {"records", report.records},
             {"last_sequence", report.last_sequence},
             {"torn_bytes", report.torn_bytes},
             {"verdict", verdict}},
        table.text() + "\n" + std::to_string(report.records) + " records behind the snapshot, " +
            std::to_string(report.torn_bytes) + " bytes of a torn tail; " + verdict + "\n");
  return report.verdict;
}

Json described(const node::model::Operation& op) {
  Json out{{"namespace", node::model::printed_name(node::model::namespace_of(op))}};
  if (const auto* put = std::get_if<node::model::PutOp>(&op)) {
    out["op"] = "put";
    out["id"] = put->id;
    out["query_text"] = one_line(put->query_text, 80);
    out["response_bytes"] = put->response.size();
    out["dimension"] = put->vector.size();
    out["inserted_at_ms"] = put->inserted_at_ms;
    if (put->expires_at_ms != 0) out["expires_at_ms"] = put->expires_at_ms;
  } else if (const auto* gone = std::get_if<node::model::DeleteOp>(&op)) {
    static constexpr std::array<const char*, 4> kReasons{"requested", "invalidated", "evicted", "moved"};
    out["op"] = "delete";
    out["id"] = gone->id;
    out["reason"] = kReasons[static_cast<size_t>(gone->reason) % kReasons.size()];
  } else {
    out["op"] = "drop_namespace";
  }
  return out;
}

// A line a record, as JSON whatever the output format: a log may be long.
Status dump_log(const std::string& folder) {
  io::PosixFileSystem fs;
  Status manifest = manifest_of(fs, folder).status();
  if (manifest.code() == StatusCode::not_found) return manifest;  // another one is no reason to show nothing
  wal::Sequence expected = 0;
  return wal::dump_log(
      fs, folder,
      [&expected](const std::string& file, uint64_t offset, wal::Sequence sequence, Bytes payload) -> Status {
        if (expected != 0 && sequence != expected) {
          say("records " + std::to_string(expected) + " to " + std::to_string(sequence - 1) + ", before " +
              file + ", are missing or damaged: `ferroctl wal verify` says more");
        }
        expected = sequence + 1;
        const Result<node::model::Operation> op = node::model::decode(payload);
        Json line = op.ok() ? described(*op) : Json{{"undecodable", op.status().message()}};
        line["sequence"] = sequence;
        line["file"] = file;
        line["offset"] = offset;
        const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size()
                   ? Status()
                   : Status::io_error("cannot write");
      });
}

// The node that was installed together with this program, else the one in PATH.
std::string usual_program() {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string beside = (self.parent_path() / "ferrocached").string();
  return !failed && ::access(beside.c_str(), X_OK) == 0 ? beside : "ferrocached";
}

std::shared_ptr<std::string> folder_of(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  command.add_option("folder", *folder, "the node's data folder (wal_path); the node must not be running")
      ->required()
      ->check(CLI::ExistingDirectory);
  return folder;
}

}  // namespace

void add_offline_commands(CLI::App& app, Session& session) {
  CLI::App* const snapshots =
      app.add_subcommand("snapshot", "snapshots in a data folder")->require_subcommand(1)->fallthrough();
  CLI::App* const info = snapshots->add_subcommand("info", "list them");
  on_chosen(*info, session,
            [&session, folder = folder_of(*info)] { return show_snapshots(session, *folder, false); });
  CLI::App* const verify = snapshots->add_subcommand("verify", "read each whole and check every checksum");
  on_chosen(*verify, session,
            [&session, folder = folder_of(*verify)] { return show_snapshots(session, *folder, true); });

  CLI::App* const log =
      app.add_subcommand("wal", "the log in a data folder")->require_subcommand(1)->fallthrough();
  CLI::App* const check = log->add_subcommand("verify", "would a start accept it? Which segment holds what?");
  on_chosen(*check, session, [&session, folder = folder_of(*check)] { return verify_log(session, *folder); });
  CLI::App* const dump =
      log->add_subcommand("dump", "every record as a line of JSON, without answers and vectors");
  on_chosen(*dump, session, [folder = folder_of(*dump)] { return dump_log(*folder); });

  CLI::App* const config =
      app.add_subcommand("config", "a node's configuration")->require_subcommand(1)->fallthrough();
  CLI::App* const validate =
      config->add_subcommand("check", "validate a file, by `ferrocached --check-config`");
  const auto path = std::make_shared<std::string>(), program = std::make_shared<std::string>(usual_program());
  validate->add_option("file", *path, "configuration of a node, YAML or TOML")
      ->required()
      ->check(CLI::ExistingFile);
  validate->add_option("--program", *program,
                       "the ferrocached to ask; else the one beside ferroctl, else the one in PATH");
  on_chosen(*validate, session, [path, program]() -> Status {
    const Result<std::string> said =
        run_program({*program, "--config", *path, "--check-config"}, kCheckWaitMs);
    if (said.ok()) {
      say(*path + " is fine");
      return {};
    }
    const bool missing = said.status().code() == StatusCode::not_found;
    return {said.status().code(),
            said.status().message() + (missing ? "; name the node's program with --program" : "")};
  });
}

}  // namespace ferro::ferroctl
