#include "node/snapshot/manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "common/io/checked_text.h"

namespace ferro::node::snapshot {

namespace {

constexpr std::string_view kTitle = "ferrocache snapshots ";
constexpr std::string_view kVersionText = "1";
constexpr std::string_view kPrefix = "snapshot-";
constexpr std::string_view kSuffix = ".fcs";
constexpr std::string_view kTempSuffix = ".tmp";
constexpr int kNumberDigits = 20;  // so that names sort like numbers

std::string padded(uint64_t number) {
  char digits[kNumberDigits + 1];
  std::snprintf(digits, sizeof digits, "%0*llu", kNumberDigits, static_cast<unsigned long long>(number));
  return digits;
}

std::string_view next_token(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view token = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return token;
}

template <typename T>
bool take_number(std::string_view& line, T& out) {
  const std::string_view token = next_token(line);
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  return error == std::errc() && end == token.data() + token.size() && !token.empty();
}

bool parse_line(std::string_view line, SnapshotInfo& info) {
  if (!take_number(line, info.number) || !take_number(line, info.wal_sequence) ||
      !take_number(line, info.created_at_ms) || !take_number(line, info.records) ||
      !take_number(line, info.bytes)) {
    return false;
  }
  info.file = line;
  return info.file == snapshot_file_name(info.number);
}

bool is_named(std::string_view name, std::string_view suffix) noexcept {
  if (name.size() != kPrefix.size() + kNumberDigits + suffix.size()) return false;
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) return false;
  return name.substr(kPrefix.size(), kNumberDigits).find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string encode_manifest(const std::vector<SnapshotInfo>& snapshots) {
  std::string text = std::string(kTitle) + std::string(kVersionText) + "\n";
  for (const SnapshotInfo& info : snapshots) {
    text += std::to_string(info.number) + ' ' + std::to_string(info.wal_sequence) + ' ' +
            std::to_string(info.created_at_ms) + ' ' + std::to_string(info.records) + ' ' +
            std::to_string(info.bytes) + ' ' + info.file + '\n';
  }
  return io::with_checksum(std::move(text));
}

Result<std::vector<SnapshotInfo>> decode_manifest(std::string_view text) {
  const auto checked = io::without_checksum(text);
  if (!checked) return Status::data_loss("its checksum does not match");
  std::string_view body = *checked;
  if (!body.starts_with(kTitle)) return Status::data_loss("its first line is not a manifest's");
  std::vector<SnapshotInfo> snapshots;
  for (size_t line_number = 1; !body.empty(); ++line_number) {
    const size_t end = body.find('\n');
    if (end == std::string_view::npos) return Status::data_loss("its last line is not complete");
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (line_number == 1) {
      if (line.substr(kTitle.size()) == kVersionText) continue;
      return Status(StatusCode::failed_precondition, "its format is newer than this program reads");
    }
    SnapshotInfo info;
    if (!parse_line(line, info))
      return Status::data_loss("line " + std::to_string(line_number) + " cannot be read");
    if (!snapshots.empty() && info.number <= snapshots.back().number) {
      return Status::data_loss("line " + std::to_string(line_number) + " is out of order");
    }
    snapshots.push_back(std::move(info));
  }
  return snapshots;
}

std::string snapshot_file_name(uint64_t number) {
  return std::string(kPrefix) + padded(number) + std::string(kSuffix);
}

std::string temp_file_name(uint64_t number) {
  return std::string(kPrefix) + padded(number) + std::string(kTempSuffix);
}

bool is_snapshot_file(std::string_view name) noexcept {
  return is_named(name, kSuffix);
}

bool is_snapshot_or_temp_file(std::string_view name) noexcept {
  return is_named(name, kSuffix) || is_named(name, kTempSuffix);
}

}  // namespace ferro::node::snapshot
