// A Kubernetes API server in memory: the part of its behaviour that an operator can observe, as a library.
//
// Two doors lead here: InProcessTransport (no sockets, deterministic) and HttpDoor (a real HTTP server).
// Tests and the fake controllers may also act directly, past faults and the request log.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "tests/fakes/kube_api/faults.h"
#include "tests/fakes/kube_api/kinds.h"
#include "tests/fakes/kube_api/managed_fields.h"
#include "tests/fakes/kube_api/message.h"
#include "tests/fakes/kube_api/selector.h"

namespace ferro::fakes::kube {

struct ServerOptions {
  size_t history_max = 20'000;  // events kept for watches; older versions are 410 Gone
  size_t log_max = 100'000;
};

// A watch in progress; made and read by ApiServer.
class Watch;

// Thread-safe. Time, for stamps only, is the clock's.
class ApiServer {
 public:
  explicit ApiServer(const Clock& clock, ServerOptions options = {});
  ~ApiServer();

  // --- for doors ---
  // What is to happen to this request, asked once, before it is carried out. Logs the request.
  Fault next_fault(const Request& request);
  // Anything but a watch. `log`: the outcome goes into the entry that next_fault made.
  Response handle(const Request& request);
  // A watch or the answer that refuses it.
  std::shared_ptr<Watch> open_watch(const Request& request, Response& refused);
  // The next event as a line with its end. Waits up to `wait_ms` (0 = not at all) for one. Nothing: none
  // came.
  std::optional<std::string> next_line(Watch& watch, int64_t wait_ms = 0);
  // A BOOKMARK at what the watch has seen, if it asked for bookmarks.
  std::optional<std::string> bookmark_line(const Watch& watch);
  static std::string error_line(int code, const std::string& reason, const std::string& message);
  // Makes every waiting next_line return.
  void wake_watches();

  // --- for tests and fake controllers: past faults and log, as the manager `as` ---
  Response act(std::string_view as, std::string_view method, const std::string& target,
               const Json& body = Json(), std::string_view content_type = "application/json");
  // nullopt if it is not there.
  std::optional<Json> get(std::string_view plural, std::string_view ns, std::string_view name) const;
  std::vector<Json> list(std::string_view plural, std::string_view ns = {}) const;
  // Creates; aborts the test if refused. Fills in apiVersion and kind.
  Json create(std::string_view as, std::string_view plural, Json object);
  // Reads, changes, writes unless nothing changed; false if it is not there. `sub`: "" or "status".
  bool edit(std::string_view as, std::string_view plural, std::string_view ns, std::string_view name,
            const std::function<void(Json&)>& change, std::string_view sub = {});
  bool remove(std::string_view plural, std::string_view ns, std::string_view name,
              std::string_view propagation = "Background");
  void make_namespace(const std::string& name) {
    create("test", "namespaces", {{"metadata", {{"name", name}}}});
  }
  void install_crd(const Json& crd);
  void install_kind(Kind kind);
  // Removes it whatever finalizers, grace or protection say: what the last of its controllers does.
  void finish_deletion(std::string_view plural, std::string_view ns, std::string_view name);
  // What background garbage collection, namespace deletion and foreground deletion do; until nothing is left.
  void collect_garbage();

  // --- faults and figures ---
  void set_faults(FaultHook hook);
  // Everything up to now is forgotten: a watch from before gets 410.
  void compact();
  uint64_t version() const;  // the newest resource version
  std::vector<RequestFacts> log() const;
  void clear_log();
  uint64_t writes() const;   // requests that were writes, since the start
  uint64_t changes() const;  // objects that changed by them
  const Clock& clock() const { return clock_; }

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  using Objects = std::map<Key, std::shared_ptr<const Json>>;
  struct Route;
  struct Event {
    uint64_t version = 0;
    std::string kind;  // qualified
    const char* type = "";
    std::shared_ptr<const Json> object, before;
  };
  friend class Watch;

  std::optional<Route> route(const Request& request) const;
  RequestFacts facts_of(const Request& request) const;
  Response handle_locked(const Request& request);
  Response discover(const std::string& path) const;
  Response get_one(const Route& route) const;
  Response get_list(const Route& route, const Request& request) const;
  Response create_one(const Route& route, const Request& request);
  Response replace_one(const Route& route, const Request& request);
  Response patch_one(const Route& route, const Request& request);
  Response apply_one(const Route& route, const Request& request, const Json& config);
  Response apply_scale(const Route& route, const Json& scale, const std::string& manager);
  Response remove_one(const Route& route, const Request& request);
  Response refuse_namespace(const Route& route) const;  // status 200 = it may be created in

  // Finishes a write: metadata, subresource isolation, defaults, validation, ownership, generation.
  Response store(const Route& route, const Json* live, Json now, const Writer& writer, bool owned_already);
  std::vector<Cause> admit(const Kind& kind, Json& object, const Json* live) const;
  void put(const Kind& kind, const Key& key, Json object, const Json* live);
  void drop(const Kind& kind, const Key& key);
  void orphan_dependents(const std::string& uid);
  bool collect_once();
  bool finish_namespaces();
  bool finish_foreground(const std::set<std::string>& uids);
  const Json* find(const Kind& kind, const Key& key) const;
  KindPtr by_plural(std::string_view plural) const;
  std::string new_uid();
  void record(const Kind& kind, const char* type, std::shared_ptr<const Json> object,
              std::shared_ptr<const Json> before);
  std::optional<std::string> event_line(const Event& event, const Watch& watch) const;

  const Clock& clock_;
  const ServerOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable happened_;
  KindRegistry kinds_;
  std::map<std::string, Objects> objects_;  // by qualified kind
  std::deque<Event> history_;
  uint64_t version_ = 1000, compacted_ = 0, uids_ = 0, names_ = 0;
  uint64_t wake_count_ = 0;
  FaultHook faults_;
  std::deque<RequestFacts> log_;
  uint64_t requests_ = 0, writes_ = 0, changes_ = 0;
};

class Watch {
 public:
  uint64_t seen() const { return seen_; }
  // An ERROR event was its last line.
  bool over() const { return over_; }

 private:
  friend class ApiServer;
  KindPtr kind_;
  std::string ns_;
  std::optional<Selector> labels_, fields_;
  bool bookmarks_ = false;
  uint64_t seen_ = 0;
  bool over_ = false;
  std::deque<std::string> first_;  // events for what was there, of a watch without a version
};

}  // namespace ferro::fakes::kube
