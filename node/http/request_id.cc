#include "node/http/request_id.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/crypto/random.h"

namespace ferro::node::http {
namespace {

constexpr int kPrefixDigits = 16;
constexpr int kCounterDigits = 8;

void append_hex(std::string& out, uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out.push_back("0123456789abcdef"[(value >> shift) & 15]);
}

}  // namespace

bool is_fit_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= limits::kRequestIdBytesMax && id.front() != ' ' && id.back() != ' ' &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

RequestIdSource::RequestIdSource() : prefix_(crypto::random_u64()) {}

void RequestIdSource::append_next(std::string& out) {
  append_hex(out, prefix_, kPrefixDigits);
  append_hex(out, next_++, kCounterDigits);
  if (next_ == 0) prefix_ = crypto::random_u64();
}

}  // namespace ferro::node::http
