// The API server's REST conventions over a Transport.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/time/clock.h"
#include "operator/k8s/client.h"
#include "operator/k8s/observer.h"
#include "operator/k8s/token_bucket.h"
#include "operator/k8s/transport.h"
#include "operator/k8s/waiter.h"

namespace ferro::oper::k8s {

struct RestOptions {
  std::string field_manager = "ferrocache-operator";
  int64_t timeout_ms = 30'000;  // of a call with its retries; a list: of each page
  int64_t watch_seconds = 290;  // how long a watch is asked to last
  // A watch silent for this long is given up and asked anew from where it was. Servers send a bookmark about
  // every minute, so silence means a dead connection sooner than watch_seconds tells.
  int64_t watch_silence_ms = 100'000;
  double queries_per_second = 50;  // watches and reads of the lease's own client are few: one bucket for all
  double burst = 100;
  int retries_max = 4;                      // of one call
  int64_t retry_after_default_ms = 1'000;   // after a 429 that does not say
  int pages_max = 10'000;                   // of one list
  size_t watch_line_bytes_max = 32U << 20;  // an object is at most 3 MiB in etcd; ten times that is no event
};

// See Client for the contract. Borrows everything it is given; thread-safe.
class RestClient final : public Client {
 public:
  RestClient(Transport& transport, const Clock& clock, Waiter& waiter, RequestObserver* observer = nullptr,
             RestOptions options = {});

  ApiResult<Json> get(const Resource& resource, std::string_view ns, std::string_view name) override;
  ApiResult<ObjectList> list(const Resource& resource, const ListOptions& options) override;
  ApiResult<WatchEnd> watch(const Resource& resource, const ListOptions& options,
                            std::string_view resource_version,
                            const std::function<void(WatchEvent&&)>& on_event) override;
  ApiResult<Json> create(const Resource& resource, std::string_view ns, const Json& object) override;
  ApiResult<Json> apply(const Resource& resource, const Json& object,
                        Subresource sub = Subresource::none) override;
  ApiResult<Json> patch(const Resource& resource, std::string_view ns, std::string_view name,
                        const Json& patch, Subresource sub = Subresource::none) override;
  ApiResult<Json> replace(const Resource& resource, const Json& object,
                          Subresource sub = Subresource::none) override;
  ApiResult<Json> remove(const Resource& resource, std::string_view ns, std::string_view name,
                         const Preconditions& preconditions = {},
                         Propagation propagation = Propagation::background) override;
  ApiResult<bool> serves(const Resource& resource) override;

 private:
  struct Call;
  ApiResult<Json> send(const Call& call);
  std::optional<int64_t> retry_wait_ms(const Call& call, const ApiError& error) const;
  // `page_size` 0 = all in one.
  ApiResult<ObjectList> list_pages(const Resource& resource, const ListOptions& options, size_t page_size);
  void observe(const Call& call, int code, int64_t started_ns) const;

  Transport& transport_;
  const Clock& clock_;
  Waiter& waiter_;
  RequestObserver* const observer_;
  const RestOptions options_;
  TokenBucket bucket_;
};

}  // namespace ferro::oper::k8s
