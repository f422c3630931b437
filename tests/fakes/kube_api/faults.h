// What may go wrong between the operator and its API server, chosen by a hook for every request.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace ferro::fakes::kube {

// One request as tests look at it.
struct RequestFacts {
  uint64_t number = 0;  // counts from 1
  std::string verb;     // get, list, watch, create, apply, patch, update, delete, discover
  std::string plural, ns, name, subresource, manager;
  bool is_write = false;
  int status = 0;        // of the answer; in the log only
  bool changed = false;  // the stored object; in the log only
};

struct Fault {
  enum class Kind : uint8_t {
    none,
    drop_request,  // the connection breaks before the server sees the request
    drop_answer,   // carried out, and the connection breaks before the answer is there
    twice,         // carried out twice, as by a proxy that repeats; the second answer is the one that arrives
    answer,        // `status` instead of doing anything, with Retry-After if `retry_after_s` >= 0
    delay,         // `delay_ms` before the server sees it
    silence,       // no answer; of a watch: nothing more after `after_events`
    // Of a watch:
    cut,        // the connection breaks in the middle of the line after `after_events` events
    repeat,     // every event comes twice
    garbage,    // a line that is no JSON, one that is no event, and then what there is
    gone,       // an ERROR event with 410 after `after_events` events
    error,      // an ERROR event with 500 after `after_events` events
    end_early,  // the server closes in good order after `after_events` events
    drip,       // byte by byte, `delay_ms` apart
  } kind = Kind::none;
  int status = 0;
  int64_t retry_after_s = -1;
  int64_t delay_ms = 0;
  size_t after_events = 0;
};

// Called with the server's lock held: it must not call the server.
using FaultHook = std::function<Fault(const RequestFacts&)>;

// Each request suffers something with this probability; the same seed, the same faults.
FaultHook seeded_faults(uint64_t seed, double probability);

}  // namespace ferro::fakes::kube
