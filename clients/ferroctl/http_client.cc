#include "clients/ferroctl/http_client.h"

#include <cpprest/http_client.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "common/io/small_file.h"

namespace ferro::ferroctl {
namespace {

constexpr size_t kAnswerBytesShown = 300;
constexpr size_t kPemBytesMax = 1U << 20;

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

  Result<std::unique_ptr<HttpClient>> to(const std::string& base_url, int64_t timeout_ms_max) const override {
    HttpOptions options = options_;
    options.base_url = base_url;
    options.timeout_ms = std::min(options.timeout_ms, timeout_ms_max);
    return open(std::move(options));
  }

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
    const std::string what = "no answer from " + options_.base_url + ": " + outcome.failure;
    // A node ends the connection of a body that is far too large, mostly before its refusal can be read.
    if (outcome.failure.find("write request body") != std::string::npos)
      return Status(StatusCode::too_large, what + ": it may be more than http.max_body_bytes there");
    return Status::unreachable(what + advice_on(outcome.failure));
  }

  // In the words of cpprestsdk, which say what failed and not why.
  std::string advice_on(const std::string& failure) const {
    if (failure.find("SSL handshake") != std::string::npos)
      return ": is its certificate signed by an authority in --ca, and is this address one of its names?";
    if (failure.find("connect to any") != std::string::npos || failure.find("resolv") != std::string::npos)
      return ": does a node run there? --url or FERROCACHE_URL names another";
    if (failure.find("HTTP status line") == std::string::npos) return "";
    return options_.base_url.starts_with("https:") ? ": does it ask for a certificate (--cert and --key)?"
                                                   : ": does it speak https?";
  }

  const HttpOptions options_;
  web::http::client::http_client client_;
};

void load_files(const HttpOptions& options, boost::asio::ssl::context& context, std::string& file) {
  if (!options.ca_file.empty()) context.load_verify_file(file = options.ca_file);
  if (!options.ca_pem.empty()) context.add_certificate_authority(boost::asio::buffer(options.ca_pem));
  if (!options.cert_file.empty()) context.use_certificate_chain_file(file = options.cert_file);
  if (!options.key_file.empty())
    context.use_private_key_file(file = options.key_file, boost::asio::ssl::context::pem);
}

// Every request loads them, and its failure would not name the file.
Status check_files(const HttpOptions& options) {
  for (const std::string* path : {&options.ca_file, &options.cert_file, &options.key_file}) {
    if (path->empty()) continue;
    const Status read = io::read_small_file(*path, kPemBytesMax).status();
    if (!read.ok()) return Status::invalid(read.message());
  }
  std::string file;
  try {
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
    load_files(options, context, file);
  } catch (const std::exception&) {
    return Status::invalid((file.empty() ? "what the cluster's Secret names as authorities" : file) +
                           " cannot be used: it must be PEM, without a password, and a key must be the "
                           "certificate's own");
  }
  return {};
}

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
    FERRO_RETURN_IF_ERROR(check_files(options));
    config.set_ssl_context_callback([files = options](boost::asio::ssl::context& context) {
      std::string ignored;
      load_files(files, context, ignored);
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
