// Which changes are worth a pass. Pure.
#pragma once

#include "operator/runtime/store.h"

namespace ferro::oper::controllers {

// False for what nothing is decided upon: a cluster of which only the status changed, which is our own
// writing.
bool is_relevant(const k8s::Resource& resource, const runtime::Change& change);

}  // namespace ferro::oper::controllers
