// Kubernetes' way to write a time.
#pragma once

#include <cstdint>
#include <string>

namespace ferro::oper::runtime {

// metav1.MicroTime: "2026-01-31T12:00:00.123000Z".
std::string micro_time(int64_t wall_ms);
// metav1.Time: "2026-01-31T12:00:00Z".
std::string whole_second(int64_t unix_seconds);

}  // namespace ferro::oper::runtime
