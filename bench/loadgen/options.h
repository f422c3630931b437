// What to send, how fast, for how long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ferro::bench::loadgen {

enum class Workload : uint8_t {
  exact,   // POST /query that hits by its text
  vector,  // POST /query that hits by a near vector, no text
  miss,    // POST /query that hits nothing
  insert,  // POST /insert, every text new
  mixed,   // inserts and vector queries by --insert-share
  raw,     // the bytes of an exact query to --path, whatever answers: the baseline
};

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 3000;
  std::string path;  // raw only
  std::string token;
  Workload workload = Workload::exact;
  double rate = 0.0;  // requests a second, open loop; 0 = closed loop, as fast as answers come
  size_t connections = 50;
  double seconds = 5.0;
  double warmup_seconds = 1.0;
  size_t dimension = 384;
  size_t entries = 10'000;  // spread over the namespaces
  size_t namespaces = 1;
  double insert_share = 0.1;  // mixed only
  double similarity = 0.97;   // of a vector query to its entry
  size_t response_bytes = 256;
  uint64_t seed = 1;
  std::string prefix = "bench";  // of the model ids, so that runs do not meet
  bool preload = true;           // insert the entries first
};

std::string usage();
Result<Options> parse_options(const std::vector<std::string>& arguments);

}  // namespace ferro::bench::loadgen
