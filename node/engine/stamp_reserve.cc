#include "node/engine/stamp_reserve.h"

#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "common/io/crc32c.h"
#include "common/obs/log.h"

namespace ferro::node::engine {

namespace {

constexpr std::string_view kFileName = "STAMPS";
constexpr std::string_view kLabel = "stamps used up to ";
constexpr size_t kFileBytesMax = 256;

std::string print(uint64_t ticks) {
  std::string text = std::string(kLabel) + std::to_string(ticks) + "\n";
  char checksum[32];
  std::snprintf(checksum, sizeof checksum, "crc32c %08x\n", io::crc32c(as_bytes(text)));
  return text + checksum;
}

bool parse(std::string_view text, uint64_t& ticks) {
  if (!text.starts_with(kLabel)) return false;
  const std::string_view number = text.substr(kLabel.size());
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), ticks);
  return error == std::errc() && print(ticks) == text;
}

}  // namespace

Result<StampReserve> StampReserve::open(io::FileSystem& fs, const std::string& folder, bool salvage) {
  std::string path = folder + "/" + std::string(kFileName);
  FERRO_ASSIGN_OR_RETURN(const bool exists, fs.exists(path));
  uint64_t ticks = 0;
  if (!exists) return StampReserve(fs, std::move(path), ticks);
  FERRO_ASSIGN_OR_RETURN(const std::string text, io::read_file(fs, path, kFileBytesMax));
  if (parse(text, ticks)) return StampReserve(fs, std::move(path), ticks);
  if (!salvage) {
    return Status::data_loss(
        path +
        " is damaged: it keeps stamps from being used twice. Start with --salvage if this "
        "machine's clock has not been set back since the node last ran");
  }
  obs::warn("the file of used stamps is damaged and left out", {{"file", path}});
  return StampReserve(fs, std::move(path), 0);
}

Status StampReserve::cover(const Hlc& stamp) {
  if (stamp.ticks <= upto_ticks_ && extended_) return {};
  return extend(stamp);
}

bool StampReserve::running_short(const Hlc& stamp) const noexcept {
  return extended_ && stamp.ticks + kAheadTicks / 2 > upto_ticks_;
}

void StampReserve::settle(const Hlc& last) {
  if (!extended_ || last.ticks >= upto_ticks_) return;
  if (const Status written = write(last.ticks); !written.ok()) {
    obs::warn("the file of used stamps was left as it is", {{"reason", written.message()}});
  }
}

Status StampReserve::write(uint64_t upto_ticks) {
  FERRO_RETURN_IF_ERROR(
      io::write_file_atomically(*fs_, path_, as_bytes(print(upto_ticks))).with_context("reserving stamps"));
  upto_ticks_ = upto_ticks;
  extended_ = true;
  return {};
}

}  // namespace ferro::node::engine
