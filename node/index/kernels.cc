#include "node/index/kernels.h"

#include <cmath>

#include "node/index/kernel_table.h"
#if defined(__x86_64__)
#include "node/index/kernels_x86.h"
#endif

namespace ferro::node::index {

#if defined(__x86_64__)
// Here, and not in a file with wide instructions: it only joins functions of two sets.
const Kernels kAvx512Kernels = {"avx512",        dot_avx512,  hamming_select_avx2,
                                hadamard_avx512, flip_avx512, sign_bits_avx512};
#endif

namespace {

KernelList find_usable() noexcept {
  KernelList list{};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512vpopcntdq")) list.items[list.count++] = &kAvx512PopcntKernels;
  if (avx512) list.items[list.count++] = &kAvx512Kernels;
  if (avx2) list.items[list.count++] = &kAvx2Kernels;
#endif
  list.items[list.count++] = &kPortableKernels;
  return list;
}

}  // namespace

const KernelList& usable_kernels() noexcept {
  static const KernelList list = find_usable();
  return list;
}

float dot(const float* a, const float* b, size_t dimension) noexcept {
  return best_kernels().dot(a, b, dimension);
}

bool normalise(std::span<float> vector) noexcept {
  // Doubles hold every sum: 4096 squares of the largest float stay far below the largest double, and the
  // square of the smallest is far above the smallest.
  double squares = 0.0;
  for (float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::sqrt(squares);
  if (!(length > 0.0 && std::isfinite(length))) return false;  // NaN compares false
  const double scale = 1.0 / length;
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) * scale);
  return true;
}

std::string_view instruction_set() noexcept {
  return best_kernels().name;
}

}  // namespace ferro::node::index
