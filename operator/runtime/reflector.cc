#include "operator/runtime/reflector.h"

#include <algorithm>
#include <utility>

#include "common/obs/log.h"

namespace ferro::oper::runtime {
namespace {

std::string scope_word(const std::string& ns) {
  return ns.empty() ? "all namespaces" : "namespace " + ns;
}

const std::string* version_of(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto version = metadata->find("resourceVersion");
  return version != metadata->end() ? version->get_ptr<const std::string*>() : nullptr;
}

}  // namespace

Reflector::Reflector(k8s::Client& client, const Clock& clock, const k8s::Resource& resource, Store& store,
                     OnChange on_change, ReflectorOptions options)
    : client_(client),
      clock_(clock),
      resource_(resource),
      store_(store),
      on_change_(std::move(on_change)),
      options_(std::move(options)),
      backoff_(options_.backoff, options_.seed) {
  store_.expect_scope(options_.list.ns);
}

void Reflector::touch() {
  last_contact_ms_ = clock_.wall_ms();
}

void Reflector::deliver(const std::vector<Change>& changes) {
  if (!on_change_) return;
  for (const Change& change : changes) on_change_(change);
}

int64_t Reflector::failed(const k8s::ApiError& error, std::string_view what) {
  ++failures_;
  const int64_t wait_ms = std::max(backoff_.next_ms(), error.retry_after_ms);
  const std::string message =
      std::string(what).append(" of ").append(resource_.plural).append(" failed, trying again");
  // Forbidden does not heal by itself: somebody has to grant the verb.
  const bool loud = error.kind == k8s::ErrorKind::forbidden || backoff_.failures() > kQuietFailures;
  obs::log(loud ? obs::Level::error : obs::Level::info, message,
           {{"scope", scope_word(options_.list.ns)},
            {"error", error.to_status().to_string()},
            {"wait_ms", std::to_string(wait_ms)}});
  return wait_ms;
}

int64_t Reflector::list() {
  ++lists_;
  k8s::ApiResult<k8s::ObjectList> listed = client_.list(resource_, options_.list);
  if (!listed.ok()) {
    if (listed.error().kind == k8s::ErrorKind::not_leader) return kStopping;
    return failed(listed.error(), "list");
  }
  touch();
  resource_version_ = std::move(listed.value().resource_version);
  list_again_ = false;
  watch_failures_ = 0;
  deliver(store_.replace(options_.list.ns, std::move(listed.value().items)));
  return 0;
}

void Reflector::take(k8s::WatchEvent&& event) {
  using Type = k8s::WatchEvent::Type;
  ++events_;
  touch();
  if (event.type == Type::unreadable) {
    list_again_ = true;
    return;
  }
  if (const std::string* version = version_of(event.object)) resource_version_ = *version;
  switch (event.type) {
    case Type::added:
    case Type::modified:
      deliver(store_.upsert(std::move(event.object)));
      break;
    case Type::deleted:
      deliver(store_.erase(event.object));
      break;
    case Type::bookmark:
    case Type::unreadable:
      break;
  }
}

int64_t Reflector::watch() {
  ++watches_;
  events_ = 0;
  const int64_t started_ns = clock_.steady_ns();
  const k8s::ApiResult<k8s::WatchEnd> end =
      client_.watch(resource_, options_.list, resource_version_,
                    [this](k8s::WatchEvent&& event) { take(std::move(event)); });
  const int64_t lasted_ms = (clock_.steady_ns() - started_ns) / 1'000'000;
  if (lasted_ms >= options_.good_after_ms) backoff_.reset();
  if (!end.ok()) return watch_failed(end.error());
  if (end.value() == k8s::WatchEnd::interrupted) return kStopping;
  watch_failures_ = gone_in_row_ = 0;
  if (end.value() == k8s::WatchEnd::server_closed) touch();
  // What could not be read is seen in a list; once a watch, so that one bad object cannot cost a list a
  // second.
  if (list_again_) resource_version_.clear();
  if (events_ == 0 && end.value() == k8s::WatchEnd::server_closed && lasted_ms < options_.short_watch_ms) {
    return backoff_.next_ms();
  }
  return 0;
}

int64_t Reflector::watch_failed(const k8s::ApiError& error) {
  switch (error.kind) {
    case k8s::ErrorKind::not_leader:
      return kStopping;
    case k8s::ErrorKind::gone:
      ++gone_;
      resource_version_.clear();
      touch();
      // The list that follows waits if one like it has just been made for the same reason.
      return ++gone_in_row_ > 1 ? backoff_.next_ms() : 0;
    default:
      break;
  }
  // A version that the server will never reach (its store was restored from an older copy) looks like any
  // other trouble: after a few failures in a row only a list can tell.
  if (++watch_failures_ >= kWatchFailuresBeforeList) resource_version_.clear();
  return failed(error, "watch");
}

int64_t Reflector::step() {
  if (resource_version_.empty()) {
    if (const int64_t wait_ms = list(); wait_ms != 0) return wait_ms;
  }
  return watch();
}

ReflectorFigures Reflector::figures() const {
  return {.lists = lists_,
          .watches = watches_,
          .gone = gone_,
          .failures = failures_,
          .last_contact_ms = last_contact_ms_};
}

}  // namespace ferro::oper::runtime
