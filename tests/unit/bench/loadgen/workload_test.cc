#include "bench/loadgen/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

namespace ferro::bench::loadgen {
namespace {

std::vector<double> vector_in(const std::string& body) {
  const size_t begin = body.find("\"embedding\":[") + 13;
  std::istringstream numbers(body.substr(begin, body.find(']', begin) - begin));
  std::vector<double> values;
  for (std::string part; std::getline(numbers, part, ',');) values.push_back(std::stod(part));
  return values;
}

std::string after_head(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

TEST(RequestSource, AVectorQueryLiesAtTheAskedSimilarityToAnEntryThatWasLoaded) {
  Options options;
  options.workload = Workload::vector;
  options.entries = 3;
  options.dimension = 64;
  options.similarity = 0.95;
  RequestSource source(options);
  std::vector<std::vector<double>> loaded;
  for (const std::string& body : source.preload_bodies(1)) loaded.push_back(vector_in(body));
  ASSERT_EQ(loaded.size(), 3U);
  for (int i = 0; i < 20; ++i) {
    std::string request;
    EXPECT_EQ(source.next(request), Kind::query);
    double best = -1;
    for (const auto& row : loaded) best = std::max(best, cosine(row, vector_in(request)));
    EXPECT_NEAR(best, 0.95, 1e-4);
  }
}

TEST(RequestSource, ContentLengthIsTheBody) {
  Options options;
  options.workload = Workload::mixed;
  options.entries = 10;
  options.insert_share = 0.5;
  RequestSource source(options);
  for (int i = 0; i < 50; ++i) {
    std::string request;
    source.next(request);
    EXPECT_NE(request.find("Content-Length: " + std::to_string(after_head(request).size()) + "\r\n"),
              std::string::npos);
  }
}

TEST(RequestSource, InsertsAreAllNew) {
  Options options;
  options.workload = Workload::insert;
  RequestSource source(options);
  std::string first, second;
  EXPECT_EQ(source.next(first), Kind::insert);
  source.next(second);
  const auto text = [](const std::string& request) {
    const size_t begin = request.find("\"query_text\"");
    return request.substr(begin, request.find("\"response\"") - begin);
  };
  EXPECT_NE(text(first), text(second));
}

}  // namespace
}  // namespace ferro::bench::loadgen
