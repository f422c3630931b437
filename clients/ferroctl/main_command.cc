#include "clients/ferroctl/main_command.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/completions.h"

namespace ferro::ferroctl {
namespace {

constexpr int kDone = 0, kFailed = 1, kUsage = 2, kNo = 3;
constexpr const char* kAbout =
    "ferroctl: look into and look after FerroCache nodes and clusters. As kubectl-ferrocache in PATH it is "
    "`kubectl ferrocache`.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the answer is no (a miss, nothing of "
    "that name, no kubectl to ask).";

void add_common_options(CLI::App& app, Session& session) {
  ConnectionOptions& connection = session.connection;
  app.add_option("--url", connection.url,
                 "a node's address; else FERROCACHE_URL, else http://127.0.0.1:3000");
  app.add_option("--token-file", connection.token_file,
                 "file whose first word is the token; else FERROCACHE_AUTH_TOKEN");
  app.add_option("--ca", connection.ca_file, "authorities to trust, PEM");
  CLI::Option* const cert = app.add_option("--cert", connection.cert_file, "own certificate, PEM");
  CLI::Option* const key = app.add_option("--key", connection.key_file, "its key, PEM");
  cert->needs(key);
  key->needs(cert);
  app.add_option("--timeout-ms", connection.timeout_ms, "for one request")
      ->check(CLI::Range(int64_t{1}, int64_t{3'600'000}))
      ->capture_default_str();
  app.add_option("-c,--cluster", connection.cluster,
                 "a FerroCacheCluster: found by kubectl, its port forwarded")
      ->excludes(app.get_option("--url"));
  app.add_option("-n,--namespace", connection.kube_namespace, "its Kubernetes namespace");
  app.add_option("--kubeconfig", connection.kubeconfig, "for kubectl");
  app.add_option("--context", connection.context, "for kubectl");
  app.add_option("--kubectl-timeout-ms", connection.kubectl_timeout_ms, "for one answer of kubectl")
      ->check(CLI::Range(int64_t{1}, int64_t{3'600'000}))
      ->capture_default_str();
  app.add_option("-o,--output", session.format, "how to print")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->capture_default_str();
}

// What stands where a command belongs and is none; empty if nothing does. CLI11 only says that one is needed.
std::string no_command(const CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> unread = app.remaining(true);
  for (int place = 1; place < argc; ++place) {
    std::string word = argv[place];
    if (!word.starts_with('-') && std::find(unread.begin(), unread.end(), word) != unread.end()) return word;
  }
  return {};
}

}  // namespace

void on_chosen(CLI::App& command, Session& session, std::function<Status()> body) {
  command.fallthrough();
  command.callback([&session, body = std::move(body)] {
    try {
      session.result = body();
    } catch (const Json::exception& error) {  // thrown wherever a field has another type than ours have
      session.result =
          Status::internal(std::string("an answer is not what this version of ferroctl knows (") +
                           error.what() + "): is it a FerroCache of version " FERRO_VERSION "?");
    }
  });
}

void on_connected(CLI::App& command, Session& session, std::function<Status(HttpClient&)> body) {
  on_chosen(command, session, [&session, body = std::move(body)]() -> Status {
    FERRO_ASSIGN_OR_RETURN(const Connection connection, connect(session.connection));
    return body(*connection.client);
  });
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `ferroctl ... | head` ends by a failed write
  std::signal(SIGCHLD, SIG_DFL);  // if it was ignored, nobody could wait for kubectl
  Session session;
  CLI::App app(kAbout, "ferroctl");
  app.require_subcommand(1);
  app.set_version_flag("--version", "ferroctl " FERRO_VERSION);
  app.set_help_all_flag("--help-all", "help of every command");
  add_common_options(app, session);
  add_cluster_commands(app, session);
  add_top(app, session);
  add_entry_commands(app, session);
  add_export(app, session);
  add_import(app, session);
  add_offline_commands(app, session);
  add_bench(app, session);
  add_kube_commands(app, session);
  add_bundle(app, session);
  add_completions(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool needs_command = std::string_view(error.what()).find("subcommand") != std::string_view::npos;
    const std::string word = needs_command ? no_command(app, argc, argv) : "";
    if (!word.empty()) {
      say("ferroctl: there is no command " + word + " here; --help lists them");
      return kUsage;
    }
    const int code = app.exit(error);
    return code == 0 ? kDone : kUsage;
  }
  if (session.result.ok()) session.result = printed();
  if (!session.result.ok()) {
    say("ferroctl: " + session.result.message());
    if (session.result.code() == StatusCode::not_found) return kNo;
    return session.result.code() == StatusCode::invalid_argument ? kUsage : kFailed;
  }
  return session.negative ? kNo : kDone;
}

}  // namespace ferro::ferroctl
