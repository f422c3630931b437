// Stops every write of a process that no longer leads, below the client: whatever is sent, by whomever, asks
// the gate first, each retry too.
#pragma once

#include <cstdint>

#include "operator/k8s/transport.h"

namespace ferro::oper::k8s {

// Implemented by leader election. Thread-safe; outlives the transport.
class WriteGate {
 public:
  virtual ~WriteGate() = default;
  // How long a write that is sent now may take at most, so that it is over before anybody else can lead;
  // 0 = it must not be sent.
  virtual int64_t write_allowance_ms() const = 0;
};

// Owned by main beside the inner transport, which outlives it. Thread-safe. Reads and streams pass; a write
// is sent with its time-out cut to the allowance, or refused with failed_precondition (ErrorKind::not_leader
// at the client). The client of leader election itself stands on the inner transport.
class GatedTransport final : public Transport {
 public:
  GatedTransport(Transport& inner, const WriteGate& gate) : inner_(inner), gate_(gate) {}

  Result<HttpResponse> call(const HttpRequest& request) override;
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>& on_line) override {
    return inner_.stream(request, on_line);
  }
  void interrupt_streams() override { inner_.interrupt_streams(); }

 private:
  Transport& inner_;
  const WriteGate& gate_;
};

}  // namespace ferro::oper::k8s
