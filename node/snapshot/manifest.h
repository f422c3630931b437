// The list of snapshots in force: a small text file replaced as a whole, so that naming a snapshot (or
// dropping one) is one atomic step. docs/formats/snapshot.md, "The manifest". Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/snapshot/snapshot.h"

namespace ferro::node::snapshot {

inline constexpr std::string_view kManifestName = "SNAPSHOTS";
inline constexpr size_t kManifestBytesMax =
    64U << 10;  // 100 snapshots (the highest retention) of under 200 bytes

std::string encode_manifest(const std::vector<SnapshotInfo>& snapshots);
// data_loss says which line is wrong; failed_precondition for a later format.
Result<std::vector<SnapshotInfo>> decode_manifest(std::string_view text);

std::string snapshot_file_name(uint64_t number);
std::string temp_file_name(uint64_t number);
// Names of files that only this module makes.
bool is_snapshot_file(std::string_view name) noexcept;
bool is_snapshot_or_temp_file(std::string_view name) noexcept;

}  // namespace ferro::node::snapshot
