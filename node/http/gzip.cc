#include "node/http/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "common/base/limits.h"

namespace ferro::node::http {
namespace {

constexpr int kLevel = 1;                 // answers are made once and read once: speed before size
constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to ask for the gzip wrapper
constexpr int kMemoryLevel = 8;

}  // namespace

bool is_worth_gzip(const Response& response) {
  if (response.body.size() < limits::kGzipBytesMin || response.body.size() > limits::kGzipBytesMax)
    return false;
  const std::string_view type = response.content_type;
  if (!type.starts_with("application/json") && !type.starts_with("text/")) return false;
  return std::none_of(response.headers.begin(), response.headers.end(),
                      [](const auto& header) { return header.first == "Content-Encoding"; });
}

struct Gzip::Stream {
  z_stream z{};
  bool ready = false;
  ~Stream() {
    if (ready) deflateEnd(&z);
  }
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {}
Gzip::~Gzip() = default;

bool Gzip::compress(std::string_view in, std::string& out) {
  static_assert(limits::kGzipBytesMax < UINT32_MAX, "zlib counts in 32 bits");
  if (in.size() > limits::kGzipBytesMax) return false;
  z_stream& z = stream_->z;
  if (!stream_->ready) {
    if (deflateInit2(&z, kLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      return false;
    stream_->ready = true;
  } else if (deflateReset(&z) != Z_OK) {
    return false;
  }
  out.resize(in.size());  // what needs more saves nothing
  z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) return false;
  out.resize(z.total_out);
  return true;
}

}  // namespace ferro::node::http
