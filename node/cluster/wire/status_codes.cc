#include <array>
#include <utility>

#include "node/cluster/wire/parts.h"

namespace ferro::node::cluster {

namespace {

// Append only: these numbers are part of the protocol.
constexpr std::array<std::pair<StatusCode, uint32_t>, 14> kCodes = {{
    {StatusCode::ok, 0},
    {StatusCode::invalid_argument, 1},
    {StatusCode::not_found, 2},
    {StatusCode::unauthenticated, 3},
    {StatusCode::permission_denied, 4},
    {StatusCode::too_large, 5},
    {StatusCode::failed_precondition, 6},
    {StatusCode::unavailable, 7},
    {StatusCode::out_of_memory_budget, 8},
    {StatusCode::no_space, 9},
    {StatusCode::data_loss, 10},
    {StatusCode::io_error, 11},
    {StatusCode::internal, 12},
    {StatusCode::unreachable, 13},
}};

constexpr uint32_t kInternal = 12;

}  // namespace

uint32_t wire_code(StatusCode code) noexcept {
  for (const auto& [known, number] : kCodes) {
    if (known == code) return number;
  }
  return kInternal;
}

StatusCode status_code(uint32_t wire_code) noexcept {
  for (const auto& [code, number] : kCodes) {
    if (number == wire_code) return code;
  }
  return StatusCode::internal;
}

}  // namespace ferro::node::cluster
