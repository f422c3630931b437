// The inner loops of the index, one set per instruction set, so that tests can hold each set against the
// oracle.
//
// Stateless and thread-safe. The sets live in files compiled with wider instructions than the rest: those
// files must not use inline functions or templates of shared headers, or the linker could keep their copy for
// everybody.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferro::node::index {

// A row whose code is near the query's, before exact scoring.
struct Candidate {
  uint32_t row;
  uint32_t distance;  // differing bits
};

struct Kernels {
  const char* name;
  float (*dot)(const float* a, const float* b, size_t dimension) noexcept;
  // Compares `query` with up to 64 codes of `words` 64-bit words each, stored back to back. Only codes whose
  // bit is set in `live` are read (the others may be being rewritten). Writes those at most `bound` bits away
  // to `out` (room for 64), rows counted from `first_row`, in order of row; returns how many.
  size_t (*hamming_select)(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                           uint32_t first_row, uint32_t bound, Candidate* out) noexcept;
  // Walsh-Hadamard transform in place, unscaled; `size` is a power of two, at least 16.
  void (*hadamard)(float* values, size_t size) noexcept;
  // values[i] *= scale, or -scale where bit i of `signs` is set; `size` is a multiple of 64.
  void (*flip)(float* values, const uint64_t* signs, float scale, size_t size) noexcept;
  // Bit i of `bits` = values[i] is negative (sign bit set); `size` is a multiple of 64.
  void (*sign_bits)(const float* values, size_t size, uint64_t* bits) noexcept;
};

extern const Kernels kPortableKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;          // AVX2, FMA, POPCNT
extern const Kernels kAvx512Kernels;        // AVX-512 F, BW, DQ, VL; Hamming by the AVX2 set
extern const Kernels kAvx512PopcntKernels;  // and VPOPCNTDQ
#endif

// The sets that this machine can run, best first; `count` of them.
struct KernelList {
  const Kernels* items[4];
  size_t count;
};
const KernelList& usable_kernels() noexcept;
inline const Kernels& best_kernels() noexcept {
  return *usable_kernels().items[0];
}

}  // namespace ferro::node::index
