// Reads a Secret of a cluster from the API server itself (a cache may be behind) and writes it on condition
// that nobody was faster. Two operators that believe to lead cannot mix their keys: one of them gets a
// conflict. Private to exec.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "operator/api/spec.h"
#include "operator/exec/expectations.h"
#include "operator/exec/outcome.h"
#include "operator/k8s/client.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::exec {

class SecretEditor {
 public:
  SecretEditor(k8s::Client& client, Expectations& expectations, const api::Cluster& cluster, int64_t now_ms)
      : client_(client), expectations_(expectations), cluster_(cluster), now_ms_(now_ms) {}

  // Nothing if it is absent. Fails with an Outcome if it cannot be read or is somebody else's.
  std::variant<std::optional<k8s::Json>, Outcome> read(const std::string& name);
  // `before`: as read, whose resource version is the condition; nothing = it must not exist.
  Outcome write(const std::string& name, const std::optional<k8s::Json>& before,
                const pki::SecretContent& content);

 private:
  k8s::Client& client_;
  Expectations& expectations_;
  const api::Cluster& cluster_;
  const int64_t now_ms_;
};

}  // namespace ferro::oper::exec
