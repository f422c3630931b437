#include "operator/nodeclient/beast_node_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "operator/nodeclient/clipped.h"
#include "operator/nodeclient/figures.h"
#include "operator/nodeclient/report.h"

namespace ferro::oper::nodeclient {
namespace {

constexpr size_t kSentenceBytesMax = 300;  // of a node's own words in an error

// The node's own sentence, of an error body {"error":"..."}.
std::string sentence_of(const HttpAnswer& answer) {
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  const auto error = json.is_object() ? json.find("error") : json.end();
  if (!json.is_object() || error == json.end() || !error->is_string()) return {};
  return ": " + clipped(error->get_ref<const std::string&>(), kSentenceBytesMax);
}

Status refusal(const HttpAnswer& answer) {
  const std::string what = "it answers " + std::to_string(answer.status) + sentence_of(answer);
  switch (answer.status) {
    case 401:
      return {StatusCode::unauthenticated, what};
    case 403:
      return {StatusCode::permission_denied, what};
    case 409:
      return {StatusCode::failed_precondition, what};
    default:
      return Status::unavailable(what);
  }
}

template <typename T, typename Parse>
std::vector<Result<T>> parse_all(const std::vector<Result<HttpAnswer>>& answers, const Parse& parse) {
  std::vector<Result<T>> parsed;
  parsed.reserve(answers.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].ok()) {
      parsed.emplace_back(answers[i].status());
    } else if (answers[i]->status != 200) {
      parsed.emplace_back(refusal(*answers[i]));
    } else {
      parsed.push_back(parse(answers[i]->body, i));
    }
  }
  return parsed;
}

}  // namespace

std::vector<Result<HttpAnswer>> BeastNodeClient::ask(const HttpCall& call, const NodeAccess& access,
                                                     const std::vector<NodeAddress>& nodes) {
  const Status stopping = Status::unavailable("the operator stops");
  boost::asio::io_context io(1);
  {
    const std::lock_guard lock(mutex_);
    if (interrupted_) return std::vector<Result<HttpAnswer>>(nodes.size(), stopping);
    running_.insert(&io);
  }
  auto answers = run_exchanges(io, clock_, call, access, nodes);
  const std::lock_guard lock(mutex_);
  running_.erase(&io);
  return answers;
}

std::vector<Result<plan::NodeReport>> BeastNodeClient::reports(const NodeAccess& access,
                                                               const std::vector<NodeAddress>& nodes) {
  HttpCall call;
  call.target = "/cluster/status";
  call.body_bytes_max = options_.report_bytes_max;
  call.timeout_ms = options_.probe_timeout_ms;
  call.at_once = options_.probes_at_once;
  return parse_all<plan::NodeReport>(ask(call, access, nodes), [&nodes](const std::string& body, size_t i) {
    return parse_report(body, nodes[i].member);
  });
}

std::vector<Result<NodeFigures>> BeastNodeClient::figures(const NodeAccess& access,
                                                          const std::vector<NodeAddress>& nodes) {
  HttpCall call;
  call.target = "/metrics";
  call.body_bytes_max = options_.metrics_bytes_max;
  call.timeout_ms = options_.probe_timeout_ms;
  call.at_once = options_.probes_at_once;
  return parse_all<NodeFigures>(ask(call, access, nodes),
                                [](const std::string& body, size_t) { return parse_figures(body); });
}

Status BeastNodeClient::command(HttpCall call, const NodeAccess& access, const NodeAddress& node) {
  call.body_bytes_max = options_.answer_bytes_max;
  call.at_once = 1;
  const auto answers = ask(call, access, {node});
  const Result<HttpAnswer>& answer = answers.front();
  if (!answer.ok()) return answer.status().with_context(node.member);
  return answer->status / 100 == 2 ? Status() : refusal(*answer).with_context(node.member);
}

Status BeastNodeClient::start_drain(const NodeAccess& access, const NodeAddress& node) {
  HttpCall call;
  call.post = true;
  call.target = "/admin/drain";
  call.timeout_ms = options_.command_timeout_ms;
  return command(std::move(call), access, node);
}

Status BeastNodeClient::cancel_drain(const NodeAccess& access, const NodeAddress& node) {
  HttpCall call;
  call.remove = true;
  call.target = "/admin/drain";
  call.timeout_ms = options_.command_timeout_ms;
  return command(std::move(call), access, node);
}

Status BeastNodeClient::compact(const NodeAccess& access, const NodeAddress& node) {
  HttpCall call;
  call.post = true;
  call.target = "/admin/compact";
  call.timeout_ms = options_.compact_timeout_ms;
  call.may_take_longer = true;
  return command(std::move(call), access, node);
}

void BeastNodeClient::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  for (boost::asio::io_context* const io : running_) io->stop();
}

}  // namespace ferro::oper::nodeclient
