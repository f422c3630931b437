// The scale subresource: autoscaling/v1 Scale from and to an object. Internal to the fake server.
#pragma once

#include "tests/fakes/kube_api/kinds.h"

namespace ferro::fakes::kube {

Json scale_of(const Kind& kind, const Json& object);
// `object` with the replicas that `scale` asks for.
Json with_scale(const Kind& kind, const Json& object, const Json& scale);

}  // namespace ferro::fakes::kube
