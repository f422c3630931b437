#include "node/engine/stamp_reserve.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "common/io/checked_text.h"
#include "common/obs/log.h"

namespace ferro::node::engine {

namespace {

constexpr std::string_view kFileName = "STAMPS";
constexpr std::string_view kTitle = "ferrocache stamps 1\n";
constexpr std::string_view kUptoLabel = "upto ";
constexpr std::string_view kAheadLabel = "ahead_of_steady_ms ";
constexpr std::string_view kSteadyLabel = "written_at_steady_ms ";
constexpr std::string_view kBootLabel = "boot ";
constexpr size_t kFileBytesMax = 512;
constexpr size_t kBootIdBytesMax = 64;
// Of a stamp's wall time, and of what is added to it: no sum of two runs over.
constexpr int64_t kMillisecondsMax = int64_t{1} << 48;
// Others' clocks differ by milliseconds: the file is not written anew for each that their stamps come nearer.
constexpr int64_t kJitterMs = 100;

struct Bounds {
  uint64_t upto_ticks = 0;
  int64_t ahead_of_steady_ms = 0;
  int64_t written_at_steady_ms = 0;
  std::string boot_id;  // empty = unknown
};

std::string print(const Bounds& bounds) {
  std::string text(kTitle);
  text.append(kUptoLabel).append(std::to_string(bounds.upto_ticks)).append("\n");
  text.append(kAheadLabel).append(std::to_string(bounds.ahead_of_steady_ms)).append("\n");
  text.append(kSteadyLabel).append(std::to_string(bounds.written_at_steady_ms)).append("\n");
  text.append(kBootLabel).append(bounds.boot_id).append("\n");
  return io::with_checksum(std::move(text));
}

template <typename Number>
bool take_number(std::string_view& text, std::string_view label, Number& number) {
  const auto digits = io::take_line(text, label);
  return digits && std::from_chars(digits->data(), digits->data() + digits->size(), number).ec == std::errc();
}

std::optional<Bounds> parse(std::string_view text) {
  if (!text.starts_with(kTitle)) return std::nullopt;
  std::string_view left = text.substr(kTitle.size());
  Bounds bounds;
  if (!take_number(left, kUptoLabel, bounds.upto_ticks) ||
      !take_number(left, kAheadLabel, bounds.ahead_of_steady_ms) ||
      !take_number(left, kSteadyLabel, bounds.written_at_steady_ms)) {
    return std::nullopt;
  }
  const auto boot_id = io::take_line(left, kBootLabel);
  if (!boot_id) return std::nullopt;
  bounds.boot_id = *boot_id;
  if (bounds.ahead_of_steady_ms > kMillisecondsMax || bounds.ahead_of_steady_ms < -kMillisecondsMax)
    return std::nullopt;
  if (print(bounds) != text) return std::nullopt;  // the checksum, and that nothing else stands there
  return bounds;
}

// Of the same boot, unless the steady clock says otherwise (a container's can be moved).
uint64_t used_by_now(const Bounds& bounds, const std::string& boot_id, int64_t steady_ms) {
  if (boot_id.empty() || boot_id != bounds.boot_id || steady_ms < bounds.written_at_steady_ms) {
    return bounds.upto_ticks;
  }
  const int64_t used_ms = std::max<int64_t>(0, steady_ms + bounds.ahead_of_steady_ms);
  return std::min(bounds.upto_ticks, (static_cast<uint64_t>(used_ms) << 16) | 0xFFFF);
}

// On a line of its own.
bool is_usable(const std::string& boot_id) {
  return boot_id.size() <= kBootIdBytesMax &&
         std::all_of(boot_id.begin(), boot_id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Result<StampReserve> StampReserve::open(io::FileSystem& fs, const Clock& clock, const std::string& folder,
                                        const std::string& boot_id, bool salvage) {
  StampReserve reserve(fs, clock, folder + "/" + std::string(kFileName),
                       is_usable(boot_id) ? boot_id : std::string());
  FERRO_ASSIGN_OR_RETURN(const bool exists, fs.exists(reserve.path_));
  if (!exists) return reserve;
  FERRO_ASSIGN_OR_RETURN(const std::string text, io::read_file(fs, reserve.path_, kFileBytesMax));
  if (const auto bounds = parse(text)) {
    reserve.used_ticks_ = used_by_now(*bounds, reserve.boot_id_, reserve.steady_ms());
    return reserve;
  }
  if (!salvage) {
    return Status::data_loss(
        reserve.path_ +
        " is damaged: it keeps stamps from being used twice. Start with --salvage if this "
        "machine's clock has not been set back since the node last ran");
  }
  obs::warn("the file of used stamps is damaged and left out", {{"file", reserve.path_}});
  return reserve;
}

Status StampReserve::cover(const Hlc& stamp) {
  const bool covered =
      written_ && stamp.ticks <= upto_ticks_ && stamp.wall_ms() <= steady_ms() + ahead_of_steady_ms_;
  return covered ? Status() : extend(stamp);
}

bool StampReserve::running_short(const Hlc& stamp) const noexcept {
  return written_ && stamp.ticks + kAheadTicks / 2 > upto_ticks_;
}

void StampReserve::settle(const Hlc& last) {
  if (!written_ || last.ticks >= upto_ticks_) return;
  if (const Status written = write(last, last.ticks); !written.ok()) {
    obs::warn("the file of used stamps was left as it is", {{"reason", written.message()}});
  }
}

Status StampReserve::write(const Hlc& stamp, uint64_t upto_ticks) {
  // Stamps up to this one are behind it at any later time, too.
  Bounds bounds{upto_ticks, 0, steady_ms(), boot_id_};
  bounds.ahead_of_steady_ms = stamp.wall_ms() - bounds.written_at_steady_ms;
  const int64_t nearer_by_ms = ahead_of_steady_ms_ - bounds.ahead_of_steady_ms;
  if (written_ && nearer_by_ms > 0 && nearer_by_ms <= kJitterMs)
    bounds.ahead_of_steady_ms = ahead_of_steady_ms_;
  FERRO_RETURN_IF_ERROR(
      io::write_file_atomically(*fs_, path_, as_bytes(print(bounds))).with_context("reserving stamps"));
  upto_ticks_ = upto_ticks;
  ahead_of_steady_ms_ = bounds.ahead_of_steady_ms;
  written_ = true;
  return {};
}

}  // namespace ferro::node::engine
