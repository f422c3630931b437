// Who owns which fields of an object, kept in its metadata.managedFields as the API server does.
#pragma once

#include <string>

#include "tests/fakes/kube_api/field_set.h"

namespace ferro::fakes::kube {

struct Writer {
  std::string manager;
  std::string subresource;  // empty, "status", "scale"
  std::string time;         // of the entry
};

struct Applied {
  Json object;                         // with its new managedFields
  std::vector<std::string> conflicts;  // "field (owner)": not empty and not forced = nothing was done
};

// Server-side apply of `config` onto `live` (null = to be created).
Applied apply_config(const Kind& kind, const Json& live, const Json& config, const Writer& writer,
                     bool force);

// After any other write: what changed between `live` (null = created) and `now` is the writer's.
Json note_update(const Kind& kind, const Json& live, Json now, const Writer& writer);

// Nothing but times of managedFields differ.
bool same_but_for_times(const Json& a, const Json& b);

}  // namespace ferro::fakes::kube
