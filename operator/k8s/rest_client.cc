#include "operator/k8s/rest_client.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "operator/k8s/error_reader.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/paths.h"
#include "operator/k8s/watch_decoder.h"

namespace ferro::oper::k8s {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kApplyType = "application/apply-patch+yaml";
constexpr std::string_view kMergeType = "application/merge-patch+json";

std::string_view word(Propagation propagation) {
  switch (propagation) {
    case Propagation::foreground:
      return "Foreground";
    case Propagation::orphan:
      return "Orphan";
    case Propagation::background:
      break;
  }
  return "Background";
}

ApiError stopping() {
  ApiError error;
  error.kind = ErrorKind::not_leader;
  error.message = "not sent: the process is stopping";
  return error;
}

ApiError malformed(std::string message) {
  ApiError error;
  error.kind = ErrorKind::malformed;
  error.http_status = 200;
  error.message = std::move(message);
  return error;
}

bool is_secret(const Resource& resource) {
  return resource.group.empty() && resource.plural == "secrets";
}

}  // namespace

struct RestClient::Call {
  std::string_view verb;
  const Resource& resource;
  HttpRequest request;
  bool repeatable = false;  // carrying it out twice is the same as once
};

RestClient::RestClient(Transport& transport, const Clock& clock, Waiter& waiter, RequestObserver* observer,
                       RestOptions options)
    : transport_(transport),
      clock_(clock),
      waiter_(waiter),
      observer_(observer),
      options_(std::move(options)),
      bucket_(clock, options_.queries_per_second, options_.burst) {}

void RestClient::observe(const Call& call, int code, int64_t started_ns) const {
  if (observer_ == nullptr) return;
  const std::string_view resource = call.verb == "discover" ? "apis" : call.resource.plural;
  observer_->on_request({.verb = call.verb,
                         .resource = resource,
                         .code = code,
                         .duration_us = (clock_.steady_ns() - started_ns) / 1000});
}

// How long to wait before the same request goes out once more; nothing = this error is the answer.
std::optional<int64_t> RestClient::retry_wait_ms(const Call& call, const ApiError& error) const {
  if (error.kind == ErrorKind::too_many) {
    return error.retry_after_ms >= 0 ? error.retry_after_ms : options_.retry_after_default_ms;
  }
  if (error.kind == ErrorKind::server && call.repeatable && error.retry_after_ms >= 0) {
    return error.retry_after_ms;
  }
  return std::nullopt;
}

ApiResult<Json> RestClient::send(const Call& call) {
  const int64_t deadline_ns = clock_.steady_ns() + options_.timeout_ms * 1'000'000;
  const auto left_ms = [&] { return (deadline_ns - clock_.steady_ns()) / 1'000'000; };
  for (int attempt = 0;; ++attempt) {
    if (const int64_t turn_ms = bucket_.take_ms(); turn_ms > 0 && !waiter_.wait_ms(turn_ms))
      return stopping();
    HttpRequest request = call.request;
    request.timeout_ms = std::max<int64_t>(1, left_ms());
    const int64_t started_ns = clock_.steady_ns();
    Result<HttpResponse> answer = transport_.call(request);
    observe(call, answer.ok() ? answer->status : 0, started_ns);
    if (!answer.ok()) return error_of_transport(answer.status());
    if (answer->status >= 200 && answer->status <= 299) {
      std::optional<Json> body = parse_json(answer->body);
      if (!body || !body->is_object()) return malformed("an answer that is no JSON object");
      return std::move(*body);
    }
    ApiError error = error_of_response(*answer, is_secret(call.resource));
    const std::optional<int64_t> wait_ms = retry_wait_ms(call, error);
    if (!wait_ms || attempt >= options_.retries_max || *wait_ms >= left_ms()) return error;
    if (observer_ != nullptr) observer_->on_retry(call.verb, error.http_status);
    if (!waiter_.wait_ms(*wait_ms)) return stopping();
  }
}

ApiResult<Json> RestClient::get(const Resource& resource, std::string_view ns, std::string_view name) {
  return send({"get", resource, {.method = "GET", .target = object_path(resource, ns, name)}, true});
}

ApiResult<ObjectList> RestClient::list(const Resource& resource, const ListOptions& options) {
  ApiResult<ObjectList> pages = list_pages(resource, options, options.page_size);
  if (pages.ok() || pages.error().kind != ErrorKind::gone || options.page_size == 0) return pages;
  // The continue token outlived the server's memory: the same pages would again.
  return list_pages(resource, options, 0);
}

ApiResult<ObjectList> RestClient::list_pages(const Resource& resource, const ListOptions& options,
                                             size_t page_size) {
  ObjectList all;
  std::string next;
  for (int page = 0; page < options_.pages_max; ++page) {
    std::string target = collection_path(resource, options.ns);
    if (!options.label_selector.empty()) add_query(target, "labelSelector", options.label_selector);
    if (page_size > 0) add_query(target, "limit", std::to_string(page_size));
    if (!next.empty()) add_query(target, "continue", next);
    ApiResult<Json> answer = send({"list", resource, {.method = "GET", .target = std::move(target)}, true});
    if (!answer.ok()) return answer.error();
    Json& body = answer.value();
    const auto items = body.find("items");
    const std::string version = string_at(body, {"metadata", "resourceVersion"});
    // "items": null is how the server writes an empty list now and then.
    if (items == body.end() || !(items->is_array() || items->is_null()) || version.empty()) {
      return malformed("an answer that is no list of " + std::string(resource.plural));
    }
    // Of the first page: what happened while the others were read is then seen by the watch.
    if (page == 0) all.resource_version = version;
    for (Json& item : *items) {
      if (complete_object(item, resource)) {
        all.items.push_back(std::move(item));
      } else if (observer_ != nullptr) {
        observer_->on_garbage(resource.plural);
      }
    }
    next = string_at(body, {"metadata", "continue"});
    if (next.empty()) return all;
  }
  return malformed("a list of " + std::string(resource.plural) + " without end");
}

ApiResult<WatchEnd> RestClient::watch(const Resource& resource, const ListOptions& options,
                                      std::string_view resource_version,
                                      const std::function<void(WatchEvent&&)>& on_event) {
  std::string target = collection_path(resource, options.ns);
  add_query(target, "watch", "1");
  add_query(target, "allowWatchBookmarks", "true");
  add_query(target, "timeoutSeconds", std::to_string(options_.watch_seconds));
  add_query(target, "resourceVersion", resource_version);
  if (!options.label_selector.empty()) add_query(target, "labelSelector", options.label_selector);
  const Call call{"watch",
                  resource,
                  {.method = "GET",
                   .target = std::move(target),
                   .timeout_ms = options_.watch_silence_ms,
                   .line_bytes_max = options_.watch_line_bytes_max}};
  if (const int64_t turn_ms = bucket_.take_ms(); turn_ms > 0 && !waiter_.wait_ms(turn_ms)) {
    return WatchEnd::interrupted;
  }

  std::optional<ApiError> told;
  const auto on_line = [&](std::string_view line) {
    DecodedLine decoded = decode_watch_line(line, resource);
    if (auto* event = std::get_if<WatchEvent>(&decoded)) {
      on_event(std::move(*event));
    } else if (auto* error = std::get_if<ApiError>(&decoded)) {
      told = std::move(*error);
      return false;
    } else if (std::holds_alternative<Garbage>(decoded)) {
      if (observer_ != nullptr) observer_->on_garbage(resource.plural);
      on_event({WatchEvent::Type::unreadable, {}});
    }
    return true;
  };
  const int64_t started_ns = clock_.steady_ns();
  const Result<HttpResponse> answer = transport_.stream(call.request, on_line);
  const int http_status = answer.ok() ? answer->status : 0;
  observe(call, told ? told->http_status : http_status, started_ns);
  if (told) return *told;
  if (answer.ok()) {
    if (answer->status == 200) return WatchEnd::server_closed;
    return error_of_response(*answer);
  }
  if (answer.status().code() == StatusCode::unavailable) return WatchEnd::idle;
  if (answer.status().code() == StatusCode::failed_precondition) return WatchEnd::interrupted;
  return error_of_transport(answer.status());
}

ApiResult<Json> RestClient::create(const Resource& resource, std::string_view ns, const Json& object) {
  std::string target = collection_path(resource, ns);
  add_query(target, "fieldManager", options_.field_manager);
  return send({"create",
               resource,
               {.method = "POST",
                .target = std::move(target),
                .content_type = std::string(kJsonType),
                .body = to_text(object)}});
}

ApiResult<Json> RestClient::apply(const Resource& resource, const Json& object, Subresource sub) {
  std::string target = object_path(resource, string_at(object, {"metadata", "namespace"}),
                                   string_at(object, {"metadata", "name"}), sub);
  add_query(target, "fieldManager", options_.field_manager);
  add_query(target, "force", "true");
  Json body = object;
  body["apiVersion"] = api_version(resource);
  body["kind"] = resource.kind;
  return send({"apply",
               resource,
               {.method = "PATCH",
                .target = std::move(target),
                .content_type = std::string(kApplyType),
                .body = to_text(body)},
               true});
}

ApiResult<Json> RestClient::patch(const Resource& resource, std::string_view ns, std::string_view name,
                                  const Json& patch, Subresource sub) {
  std::string target = object_path(resource, ns, name, sub);
  add_query(target, "fieldManager", options_.field_manager);
  return send({"patch",
               resource,
               {.method = "PATCH",
                .target = std::move(target),
                .content_type = std::string(kMergeType),
                .body = to_text(patch)}});
}

ApiResult<Json> RestClient::replace(const Resource& resource, const Json& object, Subresource sub) {
  std::string target = object_path(resource, string_at(object, {"metadata", "namespace"}),
                                   string_at(object, {"metadata", "name"}), sub);
  add_query(target, "fieldManager", options_.field_manager);
  return send({"update",
               resource,
               {.method = "PUT",
                .target = std::move(target),
                .content_type = std::string(kJsonType),
                .body = to_text(object)}});
}

ApiResult<Json> RestClient::remove(const Resource& resource, std::string_view ns, std::string_view name,
                                   const Preconditions& preconditions, Propagation propagation) {
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", word(propagation)}};
  if (!preconditions.uid.empty()) body["preconditions"]["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = preconditions.resource_version;
  }
  return send({"delete",
               resource,
               {.method = "DELETE",
                .target = object_path(resource, ns, name),
                .content_type = std::string(kJsonType),
                .body = to_text(body)}});
}

ApiResult<bool> RestClient::serves(const Resource& resource) {
  ApiResult<Json> answer =
      send({"discover", resource, {.method = "GET", .target = group_path(resource)}, true});
  if (!answer.ok()) {
    if (answer.error().kind == ErrorKind::not_found) return false;
    return answer.error();
  }
  const Json* resources = find(answer.value(), {"resources"});
  if (resources == nullptr || !resources->is_array()) {
    return malformed("an answer that is no list of the server's kinds");
  }
  return std::any_of(resources->begin(), resources->end(),
                     [&](const Json& entry) { return string_at(entry, {"name"}) == resource.plural; });
}

}  // namespace ferro::oper::k8s
