#include "node/engine/data_folder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/crypto/uuid.h"
#include "common/io/checked_text.h"
#include "common/obs/log.h"

namespace ferro::node::engine {

namespace {

constexpr std::string_view kTitle = "ferrocache data folder 1\n";
constexpr std::string_view kNodeLabel = "node_id ";
constexpr std::string_view kClusterLabel = "cluster_id ";
constexpr size_t kIdentityBytesMax = 4096;

struct Identity {
  std::string node_id;
  std::string cluster_id;
};

Status refused(std::string message) {
  return {StatusCode::failed_precondition, std::move(message)};
}

std::string encode(const Identity& identity) {
  std::string text(kTitle);
  text.append(kNodeLabel).append(identity.node_id).append("\n");
  text.append(kClusterLabel).append(identity.cluster_id).append("\n");
  return io::with_checksum(std::move(text));
}

Result<Identity> decode(std::string_view text) {
  const auto checked = io::without_checksum(text);
  if (!checked) return Status::data_loss("its checksum does not match");
  std::string_view body = *checked;
  if (!body.starts_with(kTitle)) return refused("it was written by a later program");
  body.remove_prefix(kTitle.size());
  const auto node_id = io::take_line(body, kNodeLabel);
  const auto cluster_id = io::take_line(body, kClusterLabel);
  if (!node_id || !cluster_id || node_id->empty()) return Status::data_loss("it cannot be read");
  return Identity{std::string(*node_id), std::string(*cluster_id)};
}

// Ids stand on a line of their own.
bool fits_on_a_line(std::string_view id) {
  return std::none_of(id.begin(), id.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

Status make_folder(io::FileSystem& fs, const std::string& path) {
  const Status made = fs.create_directories(path);
  if (made.ok()) return {};
  const auto exists = fs.exists(path);
  if (exists.ok() && *exists && !fs.list(path).ok()) {
    return refused("the data folder " + path + " is a file: move it away or name another folder in wal_path");
  }
  return made.with_context("making the data folder");
}

Result<Identity> read_identity(io::FileSystem& fs, const std::string& file) {
  FERRO_ASSIGN_OR_RETURN(const std::string text, io::read_file(fs, file, kIdentityBytesMax));
  auto identity = decode(text);
  if (identity.status().code() == StatusCode::data_loss) {
    return Status::data_loss("identity file " + file + ": " + identity.status().message() +
                             ". Restore it from a copy, or start with --salvage to have it made anew");
  }
  if (!identity.ok()) return identity.status().with_context("identity file " + file);
  return identity;
}

Status check_cluster(const std::string& path, const Identity& stored, const std::string& cluster_id) {
  if (stored.cluster_id == cluster_id) return {};
  return refused("the data folder " + path + " belongs to the cluster \"" + stored.cluster_id +
                 "\", this node is configured for \"" + cluster_id + "\"");
}

}  // namespace

Result<DataFolder> open_data_folder(io::FileSystem& fs, const std::string& path,
                                    const std::string& wanted_node_id, const std::string& cluster_id,
                                    bool salvage) {
  if (!fits_on_a_line(wanted_node_id) || !fits_on_a_line(cluster_id)) {
    return Status::invalid("node_id and cluster.id may not contain control characters");
  }
  FERRO_RETURN_IF_ERROR(make_folder(fs, path));
  auto lock = fs.lock(path + "/" + std::string(kLockName));
  if (!lock.ok()) {
    if (lock.status().code() != StatusCode::failed_precondition) return lock.status();
    return refused("the data folder " + path + " is in use by another process");
  }
  const std::string file = path + "/" + std::string(kIdentityName);
  FERRO_ASSIGN_OR_RETURN(const bool known, fs.exists(file));
  Identity stored;
  if (known) {
    auto read = read_identity(fs, file);
    if (read.status().code() == StatusCode::data_loss) {
      if (!salvage) return read.status();
      obs::warn("the identity of the data folder is made anew", {{"reason", read.status().message()}});
    } else {
      FERRO_RETURN_IF_ERROR(read.status());
      stored = std::move(*read);
      FERRO_RETURN_IF_ERROR(check_cluster(path, stored, cluster_id));
    }
  }
  Identity identity{wanted_node_id.empty() ? stored.node_id : wanted_node_id, cluster_id};
  if (identity.node_id.empty()) {
    FERRO_ASSIGN_OR_RETURN(identity.node_id, crypto::make_uuid());
  }
  if (identity.node_id != stored.node_id) {
    if (!stored.node_id.empty())
      obs::warn("this node has a new id", {{"before", stored.node_id}, {"now", identity.node_id}});
    FERRO_RETURN_IF_ERROR(io::write_file_atomically(fs, file, as_bytes(encode(identity))));
  }
  return DataFolder{std::move(*lock), std::move(identity.node_id)};
}

}  // namespace ferro::node::engine
