// The first frame of a link: what it says and whom it lets in. Pure functions, and the list of those who were
// refused.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "node/cluster/peers/peers.h"

namespace ferro::node::cluster {

// The whole frame.
std::string make_greeting(const PeersOptions& options, int64_t now_ms);
// Anything but a Hello is invalid_argument.
Result<Hello> read_greeting(std::string_view frame);
// It comes from this very process: one of the addresses that it was told to look at is its own.
bool is_own_greeting(const PeersOptions& options, const Hello& hello) noexcept;
// Another process with this node's id, started later: that one counts.
bool is_taken_by(const PeersOptions& options, const Hello& hello) noexcept;
// What to do about two processes with one id.
std::string one_id_each(const NodeId& node);
// The version to speak, or why the link must end.
Result<uint16_t> check_greeting(const PeersOptions& options, const Hello& hello);

class Refusals {
 public:
  static constexpr size_t kKept = 32;
  // True if it is not the same as one that is kept.
  bool add(std::string who, std::string why);
  std::vector<std::pair<std::string, std::string>> list() const { return {kept_.begin(), kept_.end()}; }
  uint64_t total() const noexcept { return total_; }

 private:
  std::deque<std::pair<std::string, std::string>> kept_;  // newest last
  uint64_t total_ = 0;
};

}  // namespace ferro::node::cluster
