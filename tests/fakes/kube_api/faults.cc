#include "tests/fakes/kube_api/faults.h"

#include <array>
#include <memory>

#include "tests/fakes/timeline.h"

namespace ferro::fakes::kube {

FaultHook seeded_faults(uint64_t seed, double probability) {
  return [chance = std::make_shared<Chance>(seed), probability](const RequestFacts& facts) -> Fault {
    if (!chance->happens(probability)) return {};
    using Kind = Fault::Kind;
    static constexpr std::array<Kind, 6> kCalls = {Kind::drop_request, Kind::drop_answer, Kind::twice,
                                                   Kind::answer,       Kind::delay,       Kind::silence};
    static constexpr std::array<Kind, 9> kWatches = {Kind::drop_request, Kind::answer,    Kind::cut,
                                                     Kind::repeat,       Kind::garbage,   Kind::gone,
                                                     Kind::error,        Kind::end_early, Kind::silence};
    Fault fault;
    fault.kind = facts.verb == "watch" ? kWatches.at(chance->below(kWatches.size()))
                                       : kCalls.at(chance->below(kCalls.size()));
    static constexpr std::array<int, 5> kStatus = {429, 500, 503, 504, 502};
    fault.status = kStatus.at(chance->below(kStatus.size()));
    fault.retry_after_s = chance->happens(0.5) ? static_cast<int64_t>(chance->below(3)) : -1;
    fault.delay_ms = static_cast<int64_t>(chance->below(3'000));
    fault.after_events = chance->below(4);
    return fault;
  };
}

}  // namespace ferro::fakes::kube
