// Performs what the planner decided, one action at a time, and decides nothing itself.
#pragma once

#include <optional>
#include <string>

#include "common/time/clock.h"
#include "operator/exec/expectations.h"
#include "operator/exec/outcome.h"
#include "operator/exec/pass.h"
#include "operator/k8s/client.h"
#include "operator/k8s/gated_transport.h"
#include "operator/nodeclient/node_client.h"
#include "operator/plan/plan.h"

namespace ferro::oper::exec {

// Thread-safe: it holds nothing but what it was given. Owned by main; what it borrows outlives it.
class Executor {
 public:
  // `gate` is asked before every action: the API server's writes pass it in the transport too, what nodes are
  // told does not.
  Executor(k8s::Client& client, nodeclient::NodeClient& nodes, const k8s::WriteGate& gate,
           Expectations& expectations, const Clock& clock)
      : client_(client), nodes_(nodes), gate_(gate), expectations_(expectations), clock_(clock) {}

  Outcome perform(const plan::Action& action, const Pass& pass);

 private:
  std::optional<Outcome> look_again(const Pass& pass);
  std::optional<Outcome> look_again_at_set(const Pass& pass);
  Outcome apply_objects(const plan::ApplyObjects& action, const Pass& pass);
  Outcome apply_object(const objects::Object& wanted, const Pass& pass);
  Outcome remove_object(const k8s::Resource& resource, const std::string& name, const Pass& pass);
  Outcome remove(const k8s::Resource& resource, const std::string& name, const std::string& uid,
                 const Pass& pass, k8s::Propagation propagation = k8s::Propagation::background);
  Outcome grow_claim(const plan::GrowClaim& action, const Pass& pass);
  Outcome own_claim(const plan::OwnClaim& action, const Pass& pass);
  Outcome set_replicas(const plan::SetReplicas& action, const Pass& pass);
  Outcome tell(const std::string& member, const Pass& pass,
               Status (nodeclient::NodeClient::*command)(const nodeclient::NodeAccess&,
                                                         const nodeclient::NodeAddress&));
  Outcome wrote(const k8s::Resource& resource, const k8s::ApiResult<k8s::Json>& answer, const Pass& pass,
                const std::string& doing);

  k8s::Client& client_;
  nodeclient::NodeClient& nodes_;
  const k8s::WriteGate& gate_;
  Expectations& expectations_;
  const Clock& clock_;
};

}  // namespace ferro::oper::exec
