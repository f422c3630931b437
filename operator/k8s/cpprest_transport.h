// The product's Transport, on cpprestsdk.
#pragma once

#include <memory>

#include "common/time/clock.h"
#include "operator/k8s/credentials.h"
#include "operator/k8s/transport.h"

namespace ferro::oper::k8s {

struct TransportOptions {
  size_t body_bytes_max = 64U << 20;        // a page of 500 objects of 128 KiB; more is refused, not kept
  int64_t stream_head_timeout_ms = 30'000;  // until a stream begins: connecting and the answer's head
};

// TLS with the access's anchors and client certificate; connections are kept and used again. A token or
// certificate file is read again when it changed and after a 401 (one repetition of that request). A
// connection whose peer fell silent is found dead by TCP keep-alive within a minute.
//
// invalid_argument or not_found if the access cannot be used as it stands (unreadable file, key that does not
// fit).
Result<std::unique_ptr<Transport>> make_cpprest_transport(const Access& access, const Clock& clock,
                                                          TransportOptions options = {});

}  // namespace ferro::oper::k8s
