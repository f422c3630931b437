#include "node/api/parameters.h"

#include <charconv>
#include <string>

#include "node/api/fields.h"

namespace ferro::node::api {

Result<bool> switch_parameter(const http::Request& request, std::string_view name) {
  std::optional<std::string> value = request.parameter(name);
  if (!value) return false;
  // In any case: Python's HTTP libraries send True.
  for (char& c : *value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (*value == "false" || *value == "0") return false;
  if (*value == "true" || *value == "1") return true;
  return Status::invalid("the parameter " + std::string(name) + " must be true or false");
}

Result<Routing> routing_of(const http::Request& request) {
  Routing routing;
  if (request.query.empty()) return routing;
  FERRO_ASSIGN_OR_RETURN(const bool here, switch_parameter(request, "local"));
  if (here) routing.reach = cache::Reach::here;
  FERRO_ASSIGN_OR_RETURN(const bool repair, switch_parameter(request, "repair"));
  if (request.parameter("repair")) routing.read_repair = repair;
  return routing;
}

Result<size_t> count_parameter(const http::Request& request, std::string_view name, size_t fallback,
                               size_t min, size_t max) {
  const std::optional<std::string> value = request.parameter(name);
  if (!value) return fallback;
  size_t count = 0;
  const char* const end = value->data() + value->size();
  const auto parsed = std::from_chars(value->data(), end, count);
  if (parsed.ec != std::errc() || parsed.ptr != end || count < min || count > max) {
    return Status::invalid("the parameter " + std::string(name) + " must be a whole number from " +
                           std::to_string(min) + " to " + std::to_string(max));
  }
  return count;
}

Result<NamespaceFilter> namespace_filter(const http::Request& request, const Caller& caller) {
  const std::optional<std::string> model_id = request.parameter("model_id");
  const std::optional<std::string> scope = request.parameter("cache_scope");
  const std::optional<std::string> conversation = request.parameter("conversation_id");
  NamespaceFilter filter;
  if (model_id) {
    FERRO_ASSIGN_OR_RETURN(filter.ns,
                           namespace_for(caller, *model_id, scope.value_or(""), conversation.value_or("")));
    return filter;
  }
  if (conversation)
    return Status::invalid("conversation_id names a namespace only with its model_id: send both");
  FERRO_ASSIGN_OR_RETURN(filter.scope, scope_for(caller, scope));
  return filter;
}

}  // namespace ferro::node::api
