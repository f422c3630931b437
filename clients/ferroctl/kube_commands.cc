// why, rotate: a cluster through its resource.
#include <memory>
#include <string>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/kube.h"

namespace ferro::ferroctl {
namespace {

// The one named, or the only one of the namespace.
Result<Json> resource_of(const Kubectl& kubectl, const std::string& name) {
  if (!name.empty()) return kubectl.get(kClusters, name);
  FERRO_ASSIGN_OR_RETURN(const Json list, kubectl.get(kClusters, ""));
  const Json items = list.value("items", Json::array());
  if (items.size() == 1) return items[0];
  std::string names;
  for (const Json& item : items) names += " " + item.value("/metadata/name"_json_pointer, "");
  return Status::invalid(items.empty() ? "there is no FerroCacheCluster in this namespace"
                                       : "which one? There are:" + names);
}

Status explain(Session& session, const std::string& name) {
  FERRO_ASSIGN_OR_RETURN(const Json resource, resource_of(Kubectl(session.connection), name));
  const Json status = resource.value("status", Json::object());
  std::string text = resource.value("/metadata/name"_json_pointer, "") + ": " + cell(status, "phase") + ", " +
                     cell(status, "readyReplicas") + " of " +
                     std::to_string(resource.value("/spec/replicas"_json_pointer, 0)) + " ready\n\n";
  const Json blocked = status.value("blockedBy", Json::array());
  if (blocked.empty()) {
    text += "The operator waits for nothing.\n";
  } else {
    Table table({"ACTION", "WAITS FOR", "MEMBER", "SINCE", "BECAUSE"});
    for (const Json& one : blocked) {
      table.add({cell(one, "action"), cell(one, "rule"), cell(one, "member"), cell(one, "since"),
                 cell(one, "message")});
    }
    text += table.text();
  }
  Table conditions({"CONDITION", "STATUS", "REASON", "MESSAGE"});
  for (const Json& one : status.value("conditions", Json::array())) {
    conditions.add({cell(one, "type"), cell(one, "status"), cell(one, "reason"), cell(one, "message")});
  }
  if (!conditions.empty()) text += "\n" + conditions.text();
  print(session.output(), status, text);
  return {};
}

Status rotate(Session& session, const std::string& name, const Json::json_pointer& field) {
  const Kubectl kubectl(session.connection);
  FERRO_ASSIGN_OR_RETURN(const Json resource, resource_of(kubectl, name));
  const std::string found = resource.value("/metadata/name"_json_pointer, "");
  const int64_t next = resource.value("/spec"_json_pointer / field, int64_t{0}) + 1;
  Json patch;
  patch["/spec"_json_pointer / field] = next;
  FERRO_RETURN_IF_ERROR(
      kubectl.run({"patch", kClusters, found, "--type=merge", "--patch=" + patch.dump()}).status());
  say("asked for; watch it with: ferroctl why " + found);
  return {};
}

}  // namespace

void add_kube_commands(CLI::App& app, Session& session) {
  CLI::App* const why = app.add_subcommand("why", "what the operator does and waits for");
  const auto name = std::make_shared<std::string>();
  why->add_option("cluster", *name, "a FerroCacheCluster; may be left out if there is one");
  on_chosen(*why, session, [&session, name] {
    return explain(session, name->empty() ? session.connection.cluster : *name);
  });

  CLI::App* const command =
      app.add_subcommand("rotate", "ask the operator for new secrets")->require_subcommand(1)->fallthrough();
  const struct {
    const char* what;
    const char* about;
    const char* field;
  } kinds[] = {
      {"token", "a new token; the old one is accepted during auth.overlap", "/auth/rotateGeneration"},
      {"certs", "new certificates by the same authority", "/tls/rotateGeneration"},
      {"ca", "a new authority and key, in three phases", "/tls/replaceCAGeneration"}};
  for (const auto& kind : kinds) {
    CLI::App* const one = command->add_subcommand(kind.what, kind.about);
    const auto cluster = std::make_shared<std::string>();
    one->add_option("cluster", *cluster, "a FerroCacheCluster; may be left out if there is one");
    on_chosen(*one, session, [&session, cluster, field = Json::json_pointer(kind.field)] {
      return rotate(session, cluster->empty() ? session.connection.cluster : *cluster, field);
    });
  }
}

}  // namespace ferro::ferroctl
