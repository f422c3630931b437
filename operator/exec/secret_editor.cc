#include "operator/exec/secret_editor.h"

#include "operator/k8s/resources.h"
#include "operator/objects/objects.h"
#include "operator/runtime/store.h"

namespace ferro::oper::exec {
namespace {

// Labels and the owner are put back if somebody took them away: without them the caches do not see it.
k8s::Json with_our_metadata(k8s::Json object, const k8s::Json& ours) {
  for (const auto& [label, value] : ours.at("labels").items()) object["metadata"]["labels"][label] = value;
  object["metadata"]["ownerReferences"] = ours.at("ownerReferences");
  object["metadata"].erase("managedFields");
  return object;
}

k8s::Json blank(const k8s::Json& metadata) {
  return {{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", "Opaque"}, {"metadata", metadata}};
}

}  // namespace

std::variant<std::optional<k8s::Json>, Outcome> SecretEditor::read(const std::string& name) {
  auto live = client_.get(k8s::kSecrets, cluster_.ns, name);
  if (!live.ok()) {
    if (live.error().kind == k8s::ErrorKind::not_found) return std::optional<k8s::Json>();
    return Outcome::failed(live.error(), "reading Secret " + name);
  }
  if (objects::ownership_of(live.value(), cluster_) != objects::Ownership::ours) {
    return Outcome::failed(Status(StatusCode::failed_precondition,
                                  "Secret " + name + " belongs to somebody else; delete or rename it"));
  }
  return std::optional<k8s::Json>(std::move(live).value());
}

Outcome SecretEditor::write(const std::string& name, const std::optional<k8s::Json>& before,
                            const pki::SecretContent& content) {
  const k8s::Json metadata = objects::owned_metadata(cluster_, name);
  k8s::Json object = before ? with_our_metadata(*before, metadata) : blank(metadata);
  pki::set_content(content, object);
  if (before && object == *before) return Outcome::nothing();
  const auto written = before ? client_.replace(k8s::kSecrets, object, k8s::Subresource::none)
                              : client_.create(k8s::kSecrets, cluster_.ns, object);
  if (!written.ok()) return Outcome::failed(written.error(), "writing Secret " + name);
  expectations_.wrote(runtime::key_of(cluster_.ns, cluster_.name), k8s::kSecrets, written.value(), now_ms_);
  return Outcome::done();
}

}  // namespace ferro::oper::exec
