#include "common/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ferro {

void assertion_failed(const char* expression, const char* file, int line, const char* reason) noexcept {
  std::fprintf(stderr, "ferrocache: broken invariant at %s:%d: %s (%s)\n", file, line, reason, expression);
  std::abort();
}

}  // namespace ferro
