// Objects as one pass sees them.
#pragma once

#include <map>
#include <string>

#include "operator/controllers/caches.h"
#include "operator/exec/pass.h"

namespace ferro::oper::controllers {

// Asks the API server only for what the caches do not have, and for nothing twice. Of one pass, on its
// thread.
class PassObjects final : public exec::ObjectSource {
 public:
  PassObjects(const Caches& caches, k8s::Client& client, std::string ns)
      : caches_(caches), client_(client), ns_(std::move(ns)) {}

  // What the pass goes by already. Of a kind that the operator may list and not get.
  void remember(const k8s::Resource& resource, runtime::Object object);
  k8s::ApiResult<std::shared_ptr<const k8s::Json>> find(const k8s::Resource& resource,
                                                        std::string_view name) override;

 private:
  const Caches& caches_;
  k8s::Client& client_;
  const std::string ns_;
  std::map<std::string, std::shared_ptr<const k8s::Json>> asked_;  // by "Kind/name"
};

}  // namespace ferro::oper::controllers
