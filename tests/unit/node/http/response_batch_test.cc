#include "node/http/response_batch.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "node/http/gzip.h"

namespace ferro::node::http {
namespace {

std::string joined(const ResponseBatch& batch) {
  std::array<std::string_view, ResponseBatch::kPartsMax> parts;
  std::string out;
  const size_t count = batch.gather(parts);
  for (size_t i = 0; i < count; ++i) out.append(parts[i]);
  return out;
}

AnswerFacts facts(std::string_view id) {
  return {.date = {}, .request_id = id};
}

TEST(ResponseBatchTest, WritesOneAnswer) {
  ResponseBatch batch;
  batch.append({405, "text/plain", "no", {{"Allow", "GET"}}}, {.date = "Date: now\r\n", .request_id = "r"});
  EXPECT_EQ(joined(batch),
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: "
            "2\r\nX-Request-Id: r\r\n"
            "Allow: GET\r\nDate: now\r\n\r\nno");
  EXPECT_EQ(batch.bytes(), joined(batch).size());
}

TEST(ResponseBatchTest, SmallAnswersAreOneSegmentAndLargeBodiesAreNotCopied) {
  ResponseBatch batch;
  std::array<std::string_view, ResponseBatch::kPartsMax> parts;
  batch.append({200, "t", "a", {}}, facts("1"));
  batch.append({200, "t", "b", {}}, facts("2"));
  EXPECT_EQ(batch.gather(parts), 1U);
  std::string large(limits::kGatheredBodyBytesMin, 'x');
  const char* const at = large.data();
  batch.append({200, "t", std::move(large), {}}, facts("3"));
  batch.append({200, "t", "c", {}}, facts("4"));
  ASSERT_EQ(batch.gather(parts), 3U);
  EXPECT_EQ(parts[1].data(), at);
  EXPECT_TRUE(parts[2].ends_with("\r\n\r\nc"));
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.gather(parts), 0U);
}

TEST(ResponseBatchTest, AFullPipelineOfLargeBodiesAndAContinueFit) {
  ResponseBatch batch;
  for (size_t i = 0; i < limits::kPipelinedRequestsMax; ++i) {
    batch.append({200, "t", std::string(limits::kGatheredBodyBytesMin, 'x'), {}}, facts("i"));
  }
  batch.append_continue();
  std::array<std::string_view, ResponseBatch::kPartsMax> parts;
  EXPECT_EQ(batch.gather(parts), ResponseBatch::kPartsMax);
}

TEST(ResponseBatchTest, HeadAndBodilessStatuses) {
  ResponseBatch batch;
  batch.append({200, "t", "12345", {}}, {.date = {}, .request_id = "h", .without_body = true});
  EXPECT_TRUE(joined(batch).ends_with("\r\n\r\n"));
  EXPECT_NE(joined(batch).find("Content-Length: 5"), std::string::npos);
  batch.clear();
  batch.append({204, "t", "", {}}, facts("n"));
  EXPECT_EQ(joined(batch).find("Content-"), std::string::npos);
}

TEST(ResponseBatchTest, ConnectionHeaderByVersion) {
  ResponseBatch batch;
  batch.append({200, "t", "", {}}, {.date = {}, .request_id = "x", .keep_alive = false});
  EXPECT_NE(joined(batch).find("\r\nConnection: close\r\n"), std::string::npos);
  batch.clear();
  batch.append({200, "t", "", {}}, {.date = {}, .request_id = "x", .http_1_1 = false});
  EXPECT_EQ(joined(batch).find("HTTP/1.0 200 OK\r\n"), 0U);
  EXPECT_NE(joined(batch).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
}

TEST(ResponseBatchTest, AHeaderValueCannotBeginAnotherHeader) {
  ResponseBatch batch;
  batch.append({200, "t", "", {{"X", "a\r\nSet-Cookie: b"}}}, facts("x"));
  EXPECT_EQ(joined(batch).find("\r\nSet-Cookie"), std::string::npos);
}

std::string gunzip(const std::string& in, size_t size_max) {
  z_stream z{};
  EXPECT_EQ(inflateInit2(&z, 15 + 16), Z_OK);
  std::string out(size_max, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

TEST(GzipTest, RoundTripsAgainAndAgain) {
  Gzip gzip;
  for (int i = 0; i < 3; ++i) {
    const std::string in(100'000 + static_cast<size_t>(i), static_cast<char>('a' + i));
    std::string out;
    ASSERT_TRUE(gzip.compress(in, out));
    EXPECT_LT(out.size(), in.size());
    EXPECT_EQ(gunzip(out, in.size()), in);
  }
}

TEST(GzipTest, WhatDoesNotShrinkIsLeftAlone) {
  Gzip gzip;
  std::string in, out;
  for (uint32_t state = 1; in.size() < 20'000; state = state * 1'664'525 + 1'013'904'223) {
    in.push_back(static_cast<char>(state >> 24));
  }
  EXPECT_FALSE(gzip.compress(in, out));
  ASSERT_TRUE(gzip.compress(std::string(20'000, 'a'), out)) << "usable after a refusal";
  EXPECT_EQ(gunzip(out, 20'000), std::string(20'000, 'a'));
}

TEST(GzipTest, OnlyLargeTextOfNoOtherCodingIsWorthIt) {
  const std::string large(limits::kGzipBytesMin, 'x');
  EXPECT_TRUE(is_worth_gzip({200, "application/json", large, {}}));
  EXPECT_TRUE(is_worth_gzip({200, "text/plain; version=0.0.4", large, {}}));
  EXPECT_FALSE(is_worth_gzip({200, "application/json", large.substr(1), {}}));
  EXPECT_FALSE(is_worth_gzip({200, "application/octet-stream", large, {}}));
  EXPECT_FALSE(is_worth_gzip({200, "application/json", large, {{"Content-Encoding", "br"}}}));
  EXPECT_FALSE(is_worth_gzip({200, "application/json", std::string(limits::kGzipBytesMax + 1, 'x'), {}}));
}

}  // namespace
}  // namespace ferro::node::http
