#include "bench/loadgen/workload.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ferro::bench::loadgen {

namespace {

constexpr size_t kPreparedQueries = 2000;
constexpr size_t kPreparedVectors = 500;
constexpr uint64_t kInsertRows = uint64_t{1} << 40;  // rows of run-time inserts: unlike every loaded one

std::vector<double> unit_vector(uint64_t seed, size_t dimension) {
  std::mt19937_64 random(seed * 0x9E3779B97F4A7C15ULL + 1);
  std::normal_distribution<double> normal;
  std::vector<double> values(dimension);
  double length = 0.0;
  for (double& value : values) {
    value = normal(random);
    length += value * value;
  }
  for (double& value : values) value /= std::sqrt(length);
  return values;
}

void append_number(std::string& out, double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value)).ptr;
  out.append(buffer, end);
}

std::string text_of(uint64_t row) {
  return "question number " + std::to_string(row) + " of the benchmark";
}

}  // namespace

RequestSource::RequestSource(const Options& options) : options_(options), random_(options.seed) {
  response_.assign(options_.response_bytes, 'x');
  if (options_.workload != Workload::insert) {
    const size_t count = std::min(kPreparedQueries, options_.entries);
    std::uniform_int_distribution<uint64_t> rows(0, options_.entries - 1);
    for (size_t i = 0; i < count; ++i) {
      const std::string body = query_body(rows(random_));
      const std::string path =
          options_.workload == Workload::raw && !options_.path.empty() ? options_.path : "/query";
      queries_.push_back(head(path, body.size()) + body);
    }
  }
  if (options_.workload == Workload::insert || options_.workload == Workload::mixed) {
    for (size_t i = 0; i < kPreparedVectors; ++i)
      insert_vectors_.push_back(vector_text(kInsertRows + i, 1.0));
  }
}

std::string RequestSource::head(std::string_view path, size_t body_bytes) const {
  std::string out = "POST " + std::string(path) + " HTTP/1.1\r\nHost: " + options_.host +
                    "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body_bytes) +
                    "\r\n";
  if (!options_.token.empty()) out += "Authorization: Bearer " + options_.token + "\r\n";
  return out + "\r\n";
}

// The row's own vector turned away from itself so that the cosine to it is `similarity`.
std::string RequestSource::vector_text(uint64_t row, double similarity) const {
  std::vector<double> values = unit_vector(row, options_.dimension);
  if (similarity < 1.0) {
    std::vector<double> other = unit_vector(~row, options_.dimension);
    double along = 0.0;
    for (size_t i = 0; i < values.size(); ++i) along += values[i] * other[i];
    double length = 0.0;
    for (size_t i = 0; i < values.size(); ++i) {
      other[i] -= along * values[i];
      length += other[i] * other[i];
    }
    const double across = length > 0.0 ? std::sqrt((1.0 - similarity * similarity) / length) : 0.0;
    for (size_t i = 0; i < values.size(); ++i) values[i] = similarity * values[i] + across * other[i];
  }
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out += ',';
    append_number(out, values[i]);
  }
  return out + "]";
}

std::string RequestSource::model_of(uint64_t row) const {
  return options_.prefix + "-" + std::to_string(row % options_.namespaces) +
         "::" + std::to_string(options_.dimension);
}

std::string RequestSource::query_body(uint64_t row) const {
  std::string body = R"({"model_id":")" + model_of(row) + R"(","embedding":)";
  const bool by_text = options_.workload == Workload::exact || options_.workload == Workload::raw;
  const uint64_t asked = options_.workload == Workload::miss ? row + 2 * kInsertRows : row;
  body += vector_text(asked, by_text || options_.workload == Workload::miss ? 1.0 : options_.similarity);
  if (by_text) body += R"(,"query_text":")" + text_of(row) + "\"";
  return body + R"(,"threshold":0.9})";
}

void RequestSource::append_insert(std::string& out) {
  const uint64_t row = kInsertRows + insert_number_++;
  const std::string& vector = insert_vectors_[insert_number_ % insert_vectors_.size()];
  std::string body = R"({"model_id":")" + model_of(row) + R"(","query_text":")" + text_of(row) +
                     R"(","response":")" + response_ + R"(","embedding":)";
  const size_t size = body.size() + vector.size() + 1;
  out += head("/insert", size);
  out += body;
  out += vector;
  out += '}';
}

Kind RequestSource::next(std::string& out) {
  const bool insert = options_.workload == Workload::insert ||
                      (options_.workload == Workload::mixed &&
                       std::uniform_real_distribution<double>(0.0, 1.0)(random_) < options_.insert_share);
  if (insert) {
    append_insert(out);
    return Kind::insert;
  }
  out += queries_[query_number_++ % queries_.size()];
  return Kind::query;
}

std::vector<std::string> RequestSource::preload_bodies(size_t per_batch) {
  std::vector<std::string> bodies;
  for (uint64_t row = 0; row < options_.entries; ++row) {
    if (row % per_batch == 0) bodies.emplace_back(R"({"items":[)");
    std::string& body = bodies.back();
    if (body.back() == '}') body += ',';
    body += R"({"model_id":")" + model_of(row) + R"(","query_text":")" + text_of(row) + R"(","response":")" +
            response_ + R"(","embedding":)" + vector_text(row, 1.0) + "}";
    if (row % per_batch == per_batch - 1 || row + 1 == options_.entries) body += "]}";
  }
  return bodies;
}

std::string_view RequestSource::expected(Kind kind) const {
  if (kind == Kind::insert) return R"("status":"ok")";
  if (options_.workload == Workload::raw) return "";
  return options_.workload == Workload::miss ? R"("hit":false)" : R"("hit":true)";
}

}  // namespace ferro::bench::loadgen
