// One entry as JSON.
#pragma once

#include <string>

#include "node/store/store.h"

namespace ferro::node::api {

// The value of "model_id": the model alone, or the whole namespace as /internal/entry prints it.
enum class ModelName : unsigned char { model, printed_namespace };

// The vector is there if the view has one.
std::string entry_json(const store::EntryView& entry, ModelName name);

}  // namespace ferro::node::api
