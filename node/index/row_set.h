// A set of row numbers as a bitmap.
//
// Built by one thread, then read by many without change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "node/index/vector_index.h"

namespace ferro::node::index {

class RowSet {
 public:
  void insert(Row row) {
    if (row / 64 >= words_.size()) words_.resize(row / 64 + 1, 0);
    words_[row / 64] |= 1ULL << (row % 64);
  }
  bool contains(Row row) const noexcept {
    return row / 64 < words_.size() && (words_[row / 64] >> (row % 64) & 1U) != 0;
  }
  // Adds the rows first + i for each set bit i; `first` as for bits_from.
  void insert_bits(Row first, uint64_t bits) {
    if (first / 64 >= words_.size()) words_.resize(first / 64 + 1, 0);
    words_[first / 64] |= bits << (first % 64);
  }
  // How many rows are in both.
  size_t count_common(const RowSet& other) const noexcept {
    size_t count = 0;
    for (size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i) {
      count += static_cast<size_t>(__builtin_popcountll(words_[i] & other.words_[i]));
    }
    return count;
  }
  // Bits for rows first .. first + 63; `first` is a multiple of 64 or the wanted rows do not cross the next
  // one.
  uint64_t bits_from(Row first) const noexcept {
    return first / 64 < words_.size() ? words_[first / 64] >> (first % 64) : 0;
  }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t bits = words_[i]; bits != 0; bits &= bits - 1) {
        visit(static_cast<Row>(i * 64 + static_cast<size_t>(__builtin_ctzll(bits))));
      }
    }
  }
  size_t bytes() const noexcept { return words_.capacity() * sizeof(uint64_t); }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace ferro::node::index
