// Bytes that the store holds, counted where they are taken and given back, in what the allocator really sets
// aside. Owned by the store; thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ferro::node::store {

// What glibc sets aside for an allocation: eight bytes of head, rounded to 16, at least 32; beyond its mmap
// threshold whole pages.
constexpr size_t heap_bytes(size_t size) noexcept {
  constexpr size_t kMapped = 128U << 10;
  if (size >= kMapped) return (size + 16 + 4095) & ~size_t{4095};
  const size_t chunk = (size + 8 + 15) & ~size_t{15};
  return chunk < 32 ? 32 : chunk;
}

// What a string holds beyond itself.
inline size_t heap_bytes(const std::string& text) noexcept {
  constexpr size_t kInPlace = 15;
  return text.capacity() > kInPlace ? heap_bytes(text.capacity() + 1) : 0;
}

class MemoryAccount {
 public:
  void add(size_t bytes) noexcept { held_.fetch_add(bytes, std::memory_order_relaxed); }
  void remove(size_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> held_{0};
};

}  // namespace ferro::node::store
