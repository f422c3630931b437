// The answer of one lookup as JSON: /query and each item of its batch.
#pragma once

#include <string>

#include "node/engine/engine.h"

namespace ferro::node::api {

// What the answer's form depends on, kept while the request itself is gone.
struct LookupShape {
  bool names_conversation = false;  // then a hit says which namespace answered
  bool with_matches = false;        // top_k > 1

  explicit LookupShape(const engine::LookupRequest& request)
      : names_conversation(request.ns.is_conversation()), with_matches(request.top_k > 1) {}
};

void append_lookup(const LookupShape& shape, const engine::LookupResult& result, std::string& out);

}  // namespace ferro::node::api
