#include "node/http/message.h"

#include <gtest/gtest.h>

#include "node/http/head_parser.h"
#include "node/http/request_id.h"

namespace ferro::node::http {
namespace {

TEST(PercentDecode, DecodesEscapesAndLeavesPlusAlone) {
  EXPECT_EQ(percent_decode("a%20b+c%2Fd"), "a b+c/d");
  EXPECT_EQ(percent_decode("%c3%A9"), "\u00e9");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentDecode, RefusesBrokenEscapesAndInvalidUtf8) {
  for (const char* text : {"%", "%4", "%zz", "a%", "%4g", "%ff", "%c3", "%ed%a0%80"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

TEST(Parameter, FindsTheFirstOfThatName) {
  Request request;
  request.query = "a=1&local=true&b=x%26y&a=2&flag&empty=&=none";
  EXPECT_EQ(request.parameter("a"), "1");
  EXPECT_EQ(request.parameter("local"), "true");
  EXPECT_EQ(request.parameter("b"), "x&y");
  EXPECT_EQ(request.parameter("flag"), "");
  EXPECT_EQ(request.parameter("empty"), "");
  EXPECT_EQ(request.parameter("absent"), std::nullopt);
}

TEST(Parameter, NameMayBeEscapedAndABrokenValueIsNone) {
  Request request;
  request.query = "m%6Fdel_id=a%3A%3Ab&bad=%4";
  EXPECT_EQ(request.parameter("model_id"), "a::b");
  EXPECT_EQ(request.parameter("bad"), std::nullopt);
}

TEST(Parameter, PlusIsASpaceAsFormEncodersWriteIt) {
  Request request;
  request.query = "model_id=my+model&cache_scope=a%2Bb+c&odd+name=1";
  EXPECT_EQ(request.parameter("model_id"), "my model");
  EXPECT_EQ(request.parameter("cache_scope"), "a+b c");
  EXPECT_EQ(request.parameter("odd name"), "1");
}

TEST(ReplyTest, AnswersOnceAndDroppedAnswers500) {
  std::vector<unsigned> statuses;
  const auto record = [&](Response&& response) { statuses.push_back(response.status); };
  {
    Reply given(record);
    given({204, "", "", {}});
    Reply moved(record);
    const Reply owner = std::move(moved);
  }
  EXPECT_EQ(statuses, (std::vector<unsigned>{204, 500}));
}

TEST(AdmitsGzip, ReadsCodingsAndWeights) {
  for (const char* value :
       {"gzip", "deflate, gzip", "GZIP;q=0.5", "gzip ; q=1", "br;q=0, *", "x-gzip", "*;q=0.1"}) {
    EXPECT_TRUE(admits_gzip(value)) << value;
  }
  for (const char* value :
       {"", "identity", "gzip;q=0", "gzip; q=0.000", "*;q=0", "br", "gzip;q=0, *", "gzipped"}) {
    EXPECT_FALSE(admits_gzip(value)) << value;
  }
}

TEST(RequestIds, AreFitAndDiffer) {
  RequestIdSource a, b;
  std::string first, second, other;
  a.append_next(first);
  a.append_next(second);
  b.append_next(other);
  EXPECT_TRUE(is_fit_request_id(first));
  EXPECT_NE(first, second);
  EXPECT_NE(first, other);
  EXPECT_EQ(first.size(), 24U);
}

TEST(RequestIds, OnlyPrintableAsciiUpTo128IsEchoed) {
  EXPECT_TRUE(is_fit_request_id(std::string(128, 'x')));
  EXPECT_TRUE(is_fit_request_id("!~"));
  EXPECT_TRUE(is_fit_request_id("job 7, step 2"));
  for (const std::string& id : {std::string(), std::string(129, 'x'), std::string(" a"), std::string("a "),
                                std::string("a\tb"), std::string("\xc3\xa9"), std::string("a\x7f")}) {
    EXPECT_FALSE(is_fit_request_id(id)) << id;
  }
}

}  // namespace
}  // namespace ferro::node::http
