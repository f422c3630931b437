// The API server as the operator sees it: objects are JSON, errors are typed, nothing is cached here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/k8s/error.h"

namespace ferro::oper::k8s {

using Json = nlohmann::json;

// A kind of object, as its path needs it.
struct Resource {
  std::string_view group;  // empty = core
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;
};

struct ListOptions {
  std::string ns{};  // empty = all namespaces
  std::string label_selector{};
  size_t page_size = 500;
};

struct ObjectList {
  std::vector<Json> items;
  std::string resource_version;
};

struct WatchEvent {
  // unreadable: something happened that could not be decoded; `object` is empty. A new list shows what.
  enum class Type : uint8_t { added, modified, deleted, bookmark, unreadable } type = Type::added;
  Json object;
};

// How a watch ended without anybody being at fault.
enum class WatchEnd : uint8_t { server_closed, idle, interrupted };

struct Preconditions {
  std::string uid{};               // empty = any
  std::string resource_version{};  // empty = any
};

enum class Propagation : uint8_t { background, foreground, orphan };
enum class Subresource : uint8_t { none, status, scale };

// Thread-safe; owned by main, outlives every user. Every call is one or more requests and blocks for at most
// its time-out (a list: each page). 429 is retried within that bound, and so is 5xx with Retry-After for what
// may be carried out twice without harm (reads, apply).
class Client {
 public:
  virtual ~Client() = default;

  virtual ApiResult<Json> get(const Resource& resource, std::string_view ns, std::string_view name) = 0;
  // All pages. 410 in the middle of the pages starts over once, without pages.
  virtual ApiResult<ObjectList> list(const Resource& resource, const ListOptions& options) = 0;
  // From `resource_version` on. `on_event` runs on the calling thread; an event that cannot be decoded is
  // counted and handed over as unreadable. `gone` asks for a new list. Objects carry apiVersion and kind,
  // here as in a list.
  virtual ApiResult<WatchEnd> watch(const Resource& resource, const ListOptions& options,
                                    std::string_view resource_version,
                                    const std::function<void(WatchEvent&&)>& on_event) = 0;
  virtual ApiResult<Json> create(const Resource& resource, std::string_view ns, const Json& object) = 0;
  // Server-side apply by the field manager `ferrocache-operator`, forced: the fields in `object` become ours.
  virtual ApiResult<Json> apply(const Resource& resource, const Json& object,
                                Subresource sub = Subresource::none) = 0;
  // JSON merge patch.
  virtual ApiResult<Json> patch(const Resource& resource, std::string_view ns, std::string_view name,
                                const Json& patch, Subresource sub = Subresource::none) = 0;
  virtual ApiResult<Json> replace(const Resource& resource, const Json& object,
                                  Subresource sub = Subresource::none) = 0;
  virtual ApiResult<Json> remove(const Resource& resource, std::string_view ns, std::string_view name,
                                 const Preconditions& preconditions = {},
                                 Propagation propagation = Propagation::background) = 0;
  // True if the server knows the kind (discovery); false for an optional kind that is not installed.
  virtual ApiResult<bool> serves(const Resource& resource) = 0;
};

}  // namespace ferro::oper::k8s
