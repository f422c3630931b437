// Requests as bytes, made ahead where that is possible so that the generator costs little beside the server.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loadgen/options.h"

namespace ferro::bench::loadgen {

enum class Kind : uint8_t { query, insert };

class RequestSource {
 public:
  explicit RequestSource(const Options& options);

  // Appends the next request, head and body; says which kind it is.
  Kind next(std::string& out);
  // Bodies of POST /insert/batch that load every entry, `per_batch` items each.
  std::vector<std::string> preload_bodies(size_t per_batch);
  std::string head(std::string_view path, size_t body_bytes) const;
  // What a good answer of the workload contains, to tell a hit from a miss.
  std::string_view expected(Kind kind) const;

 private:
  std::string vector_text(uint64_t row, double similarity) const;
  std::string model_of(uint64_t row) const;
  std::string query_body(uint64_t row) const;
  void append_insert(std::string& out);

  const Options options_;
  std::mt19937_64 random_;
  std::vector<std::string> queries_;         // whole requests, used in turn
  std::vector<std::string> insert_vectors_;  // JSON arrays, combined with new texts
  std::string response_;
  uint64_t query_number_ = 0, insert_number_ = 0;
};

}  // namespace ferro::bench::loadgen
