#include "tests/fakes/kube_api/api_server.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "operator/runtime/timestamp.h"
#include "tests/fakes/kube_api/route.h"

namespace ferro::fakes::kube {

ApiServer::ApiServer(const Clock& clock, ServerOptions options) : clock_(clock), options_(options) {
  for (const char* ns : {"default", "kube-system"}) make_namespace(ns);
}

ApiServer::~ApiServer() = default;

std::optional<ApiServer::Route> ApiServer::route(const Request& request) const {
  return Route::of(request.path, kinds_);
}

RequestFacts ApiServer::facts_of(const Request& request) const {
  RequestFacts facts;
  const std::optional<Route> found = route(request);
  if (!found) {
    facts.verb = "discover";
    return facts;
  }
  facts.plural = found->kind->plural;
  facts.ns = found->ns;
  facts.name = found->name;
  facts.subresource = found->sub;
  facts.manager = request.param("fieldManager");
  facts.is_write = request.method != "GET";
  if (request.method == "GET")
    facts.verb = request.is_watch() ? "watch" : found->name.empty() ? "list" : "get";
  if (request.method == "POST") facts.verb = "create";
  if (request.method == "PUT") facts.verb = "update";
  if (request.method == "DELETE") facts.verb = "delete";
  if (request.method == "PATCH") facts.verb = request.content_type == kApplyType ? "apply" : "patch";
  return facts;
}

Fault ApiServer::next_fault(const Request& request) {
  const std::lock_guard lock(mutex_);
  RequestFacts facts = facts_of(request);
  facts.number = ++requests_;
  if (facts.is_write) ++writes_;
  const Fault fault = faults_ ? faults_(facts) : Fault{};
  log_.push_back(std::move(facts));
  if (log_.size() > options_.log_max) log_.pop_front();
  return fault;
}

Response ApiServer::handle(const Request& request) {
  const std::lock_guard lock(mutex_);
  const uint64_t before = version_;
  Response response = handle_locked(request);
  const bool changed = version_ != before;
  if (changed) ++changes_;
  // The latest entry of a request like this one is this one's: doors call next_fault right before.
  for (auto entry = log_.rbegin(); entry != log_.rend() && std::distance(log_.rbegin(), entry) < 64;
       ++entry) {
    if (entry->status != 0 || entry->verb == "watch") continue;
    entry->status = response.status;
    entry->changed = changed;
    break;
  }
  return response;
}

Response ApiServer::act(std::string_view as, std::string_view method, const std::string& target,
                        const Json& body, std::string_view content_type) {
  Request request = Request::of(method, target, content_type, body.is_null() ? std::string() : body.dump());
  request.query["fieldManager"] = as;
  const std::lock_guard lock(mutex_);
  return handle_locked(request);
}

Response ApiServer::handle_locked(const Request& request) {
  const std::optional<Route> found = route(request);
  if (!found) return discover(request.path);
  if (request.method == "GET") return found->name.empty() ? get_list(*found, request) : get_one(*found);
  if (request.method == "POST") return create_one(*found, request);
  if (request.method == "PUT") return replace_one(*found, request);
  if (request.method == "PATCH") return patch_one(*found, request);
  if (request.method == "DELETE") return remove_one(*found, request);
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

Response ApiServer::discover(const std::string& path) const {
  Json resources = Json::array();
  for (const KindPtr& kind : kinds_.all()) {
    const std::string prefix = (kind->group.empty() ? "/api/" : "/apis/" + kind->group + "/") + kind->version;
    if (path != prefix) continue;
    resources.push_back({{"name", kind->plural},
                         {"singularName", ""},
                         {"namespaced", kind->namespaced},
                         {"kind", kind->kind},
                         {"verbs", {"create", "delete", "get", "list", "patch", "update", "watch"}}});
  }
  if (path == "/version") {
    Response version;
    version.body = {{"major", "1"}, {"minor", "34"}, {"gitVersion", "v1.34.4"}};
    return version;
  }
  if (resources.empty()) return failure(404, "NotFound", "the server could not find the requested resource");
  Response response;
  response.body = {
      {"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", path}, {"resources", resources}};
  return response;
}

// --- watches ---

std::shared_ptr<Watch> ApiServer::open_watch(const Request& request, Response& refused) {
  const std::lock_guard lock(mutex_);
  const std::optional<Route> found = route(request);
  if (!found) {
    refused = discover("");
    return nullptr;
  }
  auto watch = std::make_shared<Watch>();
  watch->kind_ = found->kind;
  watch->ns_ = found->ns;
  watch->bookmarks_ = request.param("allowWatchBookmarks") == "true";
  watch->labels_ = Selector::labels(request.param("labelSelector"));
  watch->fields_ = Selector::fields(request.param("fieldSelector"));
  if (!watch->labels_ || !watch->fields_) {
    refused = failure(400, "BadRequest", "unable to parse the selector");
    return nullptr;
  }
  const std::string from = request.param("resourceVersion");
  if (from.empty() || from == "0") {
    watch->seen_ = version_;
    for (const auto& [key, object] : objects_[found->kind->qualified()]) {
      const Event event{version_, found->kind->qualified(), "ADDED", object, nullptr};
      if (std::optional<std::string> line = event_line(event, *watch))
        watch->first_.push_back(std::move(*line));
    }
    return watch;
  }
  char* end = nullptr;
  watch->seen_ = std::strtoull(from.c_str(), &end, 10);
  if (end == from.c_str() || *end != '\0') {
    refused = failure(400, "BadRequest", "Invalid value: \"" + from + "\": invalid resourceVersion");
    return nullptr;
  }
  if (watch->seen_ > version_) {
    refused = failure(
        504, "Timeout", "Timeout: Too large resource version: " + from,
        {{"retryAfterSeconds", 1},
         {"causes", {{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}}}});
    return nullptr;
  }
  return watch;
}

std::optional<std::string> ApiServer::event_line(const Event& event, const Watch& watch) const {
  if (event.kind != watch.kind_->qualified()) return std::nullopt;
  if (!watch.ns_.empty() && text_at(*event.object, {"metadata", "namespace"}) != watch.ns_)
    return std::nullopt;
  const auto selected = [&](const std::shared_ptr<const Json>& object) {
    return object != nullptr && watch.labels_->matches(*object) && watch.fields_->matches(*object);
  };
  // An object that leaves the selection is gone for this watch, one that enters is new.
  const bool is = selected(event.object), was = selected(event.before);
  std::string type = event.type;
  if (type == "MODIFIED") {
    if (!is && !was) return std::nullopt;
    if (is && !was) type = "ADDED";
    if (!is && was) type = "DELETED";
  } else if (type == "DELETED" ? !was : !is) {
    return std::nullopt;
  }
  Json object = *event.object;
  object["apiVersion"] = watch.kind_->api_version();
  object["kind"] = watch.kind_->kind;
  return Json({{"type", type}, {"object", std::move(object)}}).dump() + "\n";
}

std::optional<std::string> ApiServer::next_line(Watch& watch, int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  const uint64_t woken = wake_count_;
  std::optional<std::string> line;
  const auto take = [&] {
    if (watch.over_) return false;
    if (!watch.first_.empty()) {
      line = std::move(watch.first_.front());
      watch.first_.pop_front();
      return true;
    }
    if (watch.seen_ < compacted_) {
      watch.over_ = true;
      line = error_line(410, "Expired",
                        "too old resource version: " + std::to_string(watch.seen_) + " (" +
                            std::to_string(compacted_) + ")");
      return true;
    }
    auto event = std::upper_bound(history_.begin(), history_.end(), watch.seen_,
                                  [](uint64_t version, const Event& e) { return version < e.version; });
    for (; event != history_.end() && !line; ++event) {
      watch.seen_ = event->version;
      line = event_line(*event, watch);
    }
    return line.has_value();
  };
  if (!take() && wait_ms > 0) {
    happened_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                       [&] { return take() || wake_count_ != woken; });
  }
  return line;
}

std::optional<std::string> ApiServer::bookmark_line(const Watch& watch) {
  const std::lock_guard lock(mutex_);
  if (!watch.bookmarks_) return std::nullopt;
  const Json object = {
      {"kind", watch.kind_->kind},
      {"apiVersion", watch.kind_->api_version()},
      {"metadata", {{"resourceVersion", std::to_string(watch.seen_)}, {"creationTimestamp", nullptr}}}};
  return Json({{"type", "BOOKMARK"}, {"object", object}}).dump() + "\n";
}

std::string ApiServer::error_line(int code, const std::string& reason, const std::string& message) {
  return Json({{"type", "ERROR"}, {"object", failure(code, reason, message).body}}).dump() + "\n";
}

void ApiServer::wake_watches() {
  {
    const std::lock_guard lock(mutex_);
    ++wake_count_;
  }
  happened_.notify_all();
}

// --- for tests ---

KindPtr ApiServer::by_plural(std::string_view plural) const {
  for (const KindPtr& kind : kinds_.all()) {
    if (kind->plural == plural) return kind;
  }
  std::cerr << "the fake API server has no kind \"" << plural << "\"\n";
  std::abort();
}

std::optional<Json> ApiServer::get(std::string_view plural, std::string_view ns,
                                   std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const Json* found = find(*by_plural(plural), {std::string(ns), std::string(name)});
  return found == nullptr ? std::nullopt : std::optional<Json>(*found);
}

std::vector<Json> ApiServer::list(std::string_view plural, std::string_view ns) const {
  const std::lock_guard lock(mutex_);
  std::vector<Json> found;
  const auto objects = objects_.find(by_plural(plural)->qualified());
  if (objects == objects_.end()) return found;
  for (const auto& [key, object] : objects->second) {
    if (ns.empty() || key.first == ns) found.push_back(*object);
  }
  return found;
}

Json ApiServer::create(std::string_view as, std::string_view plural, Json object) {
  std::string target;
  {
    const std::lock_guard lock(mutex_);
    target = Route::collection(*by_plural(plural), text_at(object, {"metadata", "namespace"}));
  }
  Response response = act(as, "POST", target, object);
  if (!response.ok()) {
    std::cerr << "the fake API server refuses to create: " << response.body.dump() << "\n";
    std::abort();
  }
  return std::move(response.body);
}

bool ApiServer::edit(std::string_view as, std::string_view plural, std::string_view ns, std::string_view name,
                     const std::function<void(Json&)>& change, std::string_view sub) {
  std::optional<Json> object = get(plural, ns, name);
  if (!object) return false;
  const Json before = *object;
  change(*object);
  if (*object == before) return true;
  std::string target;
  {
    const std::lock_guard lock(mutex_);
    target = Route::collection(*by_plural(plural), std::string(ns)) + "/" + std::string(name);
  }
  if (!sub.empty()) target.append("/").append(sub);
  const Response response = act(as, "PUT", target, *object);
  if (!response.ok()) {
    std::cerr << "the fake API server refuses an edit: " << response.body.dump() << "\n";
    std::abort();
  }
  return true;
}

bool ApiServer::remove(std::string_view plural, std::string_view ns, std::string_view name,
                       std::string_view propagation) {
  std::string target;
  {
    const std::lock_guard lock(mutex_);
    target = Route::collection(*by_plural(plural), std::string(ns)) + "/" + std::string(name);
  }
  return act("test", "DELETE", target, {{"propagationPolicy", propagation}}).ok();
}

void ApiServer::install_crd(const Json& crd) {
  const std::lock_guard lock(mutex_);
  kinds_.add_crd(crd);
}

void ApiServer::install_kind(Kind kind) {
  const std::lock_guard lock(mutex_);
  kinds_.add(std::move(kind));
}

void ApiServer::set_faults(FaultHook hook) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(hook);
}

void ApiServer::compact() {
  const std::lock_guard lock(mutex_);
  history_.clear();
  compacted_ = ++version_;
}

uint64_t ApiServer::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::vector<RequestFacts> ApiServer::log() const {
  const std::lock_guard lock(mutex_);
  return {log_.begin(), log_.end()};
}

void ApiServer::clear_log() {
  const std::lock_guard lock(mutex_);
  log_.clear();
}

uint64_t ApiServer::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

uint64_t ApiServer::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

}  // namespace ferro::fakes::kube
