#include "clients/ferroctl/http_client.h"

#include <cpprest/http_client.h>

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

namespace ferro::ferroctl {
namespace {

constexpr size_t kAnswerBytesShown = 300;

class CppRestClient final : public HttpClient {
 public:
  CppRestClient(HttpOptions options, const web::http::client::http_client_config& config)
      : options_(std::move(options)), client_(web::uri(options_.base_url), config) {}

  Result<HttpAnswer> call(std::string_view method, const std::string& target,
                          const std::string& body) override {
    return finished(begin(method, target, body));
  }

  Status get_each(const std::vector<std::string>& targets, const Take& take) override {
    std::deque<Task> under_way;
    Status status;
    for (size_t index = 0, next = 0; index < targets.size(); ++index) {
      while (next < targets.size() && under_way.size() < kTogether)
        under_way.push_back(begin("GET", targets[next++], {}));
      status = take(index, finished(under_way.front()));
      under_way.pop_front();
      if (!status.ok()) break;
    }
    for (Task& task : under_way) task.wait();
    return status;
  }

  const std::string& base_url() const override { return options_.base_url; }

 private:
  // An answer, or why there is none (a task's value needs a default).
  struct Outcome {
    std::optional<HttpAnswer> answer;
    std::string failure;
  };
  using Task = pplx::task<Outcome>;

  // A task that never throws.
  Task begin(std::string_view method, const std::string& target, const std::string& body) {
    try {
      web::http::http_request request{web::http::method(std::string(method))};
      request.set_request_uri(web::uri(target));
      if (!options_.token.empty()) {
        request.headers().add("Authorization", "Bearer " + std::string(options_.token.reveal()));
      }
      if (!body.empty()) request.set_body(body, "application/json");
      return client_.request(request)
          .then([](web::http::http_response response) {
            const int status = response.status_code();
            return response.extract_utf8string(true).then([status](std::string content) {
              return Outcome{HttpAnswer{status, std::move(content)}, {}};
            });
          })
          .then([](const Task& done) {
            try {
              return done.get();
            } catch (const std::exception& failure) {
              return Outcome{std::nullopt, failure.what()};
            }
          });
    } catch (const std::exception& failure) {
      return pplx::task_from_result(Outcome{std::nullopt, failure.what()});
    }
  }

  Result<HttpAnswer> finished(const Task& task) const {
    Outcome outcome = task.get();
    if (outcome.answer) return *std::move(outcome.answer);
    return Status::unreachable("no answer from " + options_.base_url + ": " + outcome.failure);
  }

  const HttpOptions options_;
  web::http::client::http_client client_;
};

Status meaning_in(int status, const std::string& sentence) {
  switch (status) {
    case 400:
      return Status::invalid(sentence);
    case 401:
      return {StatusCode::unauthenticated, sentence + " (set FERROCACHE_AUTH_TOKEN or give --token-file)"};
    case 403:
      return {StatusCode::permission_denied, sentence};
    case 404:
      return Status::not_found(sentence);
    case 409:
      return {StatusCode::failed_precondition, sentence};
    case 413:
      return {StatusCode::too_large, sentence};
    case 502:
      return Status::unreachable(sentence);
    case 503:
      return Status::unavailable(sentence);
    case 507:
      return {StatusCode::out_of_memory_budget, sentence};
    default:
      return Status::internal(sentence);
  }
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::open(HttpOptions options) {
  try {
    web::http::client::http_client_config config;
    config.set_timeout(std::chrono::milliseconds(options.timeout_ms));
    config.set_ssl_context_callback([ca = options.ca_file, cert = options.cert_file,
                                     key = options.key_file](boost::asio::ssl::context& context) {
      if (!ca.empty()) context.load_verify_file(ca);
      if (!cert.empty()) context.use_certificate_chain_file(cert);
      if (!key.empty()) context.use_private_key_file(key, boost::asio::ssl::context::pem);
    });
    const web::uri uri(options.base_url);
    if (uri.host().empty() || (uri.scheme() != "http" && uri.scheme() != "https")) {
      return Status::invalid("not an http:// or https:// address: " + options.base_url);
    }
    return std::unique_ptr<HttpClient>(std::make_unique<CppRestClient>(std::move(options), config));
  } catch (const std::exception& failure) {
    return Status::invalid("not an address: " + options.base_url + " (" + failure.what() + ")");
  }
}

Result<Json> HttpClient::json(std::string_view method, const std::string& target, const Json& body) {
  std::string text;
  try {
    if (!body.is_null()) text = body.dump();
  } catch (const Json::exception&) {
    return Status::invalid("what is to be sent is not UTF-8 text");
  }
  FERRO_ASSIGN_OR_RETURN(const HttpAnswer answer, call(method, target, text));
  return json_of(answer);
}

Result<Json> json_of(const HttpAnswer& answer) {
  if (answer.status / 100 != 2) return meaning_of(answer);
  Json parsed = Json::parse(answer.body, nullptr, false);
  if (parsed.is_discarded()) return Status::internal("not JSON: " + answer.body.substr(0, kAnswerBytesShown));
  return parsed;
}

Status meaning_of(const HttpAnswer& answer) {
  const Json parsed = Json::parse(answer.body, nullptr, false);
  const bool has_sentence = parsed.is_object() && parsed.contains("error") && parsed["error"].is_string();
  return meaning_in(answer.status, has_sentence ? parsed["error"].get<std::string>()
                                                : "HTTP " + std::to_string(answer.status) + " " +
                                                      answer.body.substr(0, kAnswerBytesShown));
}

std::string escaped(std::string_view text) {
  return web::uri::encode_data_string(std::string(text));
}

}  // namespace ferro::ferroctl
