// One line of a watch, from anybody's bytes to an event. Pure functions.
#pragma once

#include <string_view>
#include <variant>

#include "operator/k8s/client.h"

namespace ferro::oper::k8s {

struct Garbage {};  // no event: skip it
struct Blank {};    // an empty line
using DecodedLine = std::variant<WatchEvent, ApiError, Garbage, Blank>;

// An event has a known type and an object with a name and a resource version (a bookmark: the version alone);
// an ERROR event's Status becomes the ApiError, whatever the HTTP status of the stream was.
DecodedLine decode_watch_line(std::string_view line, const Resource& resource);

// True for an object that the operator can keep: it has a name and a resource version, and a namespace if the
// kind has one. Fills in apiVersion and kind, which lists leave out.
bool complete_object(Json& object, const Resource& resource);

}  // namespace ferro::oper::k8s
