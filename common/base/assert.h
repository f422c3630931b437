// Invariant checks. FERRO_ASSERT is always on and aborts with the place and the reason;
// FERRO_DEBUG_ASSERT is for checks too costly for release. Never assert on bytes from the network or
// from disk: those are Results.
#pragma once

namespace ferro {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line,
                                   const char* reason) noexcept;

}  // namespace ferro

#define FERRO_ASSERT(condition, reason)              \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::ferro::assertion_failed(#condition, __FILE__, __LINE__, reason))

#if defined(FERRO_DEBUG_ASSERTS)
#define FERRO_DEBUG_ASSERT(condition, reason) FERRO_ASSERT(condition, reason)
#else
#define FERRO_DEBUG_ASSERT(condition, reason) static_cast<void>(0)
#endif
