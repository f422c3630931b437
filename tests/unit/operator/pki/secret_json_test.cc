#include "operator/pki/secret_json.h"

#include <gtest/gtest.h>

#include "operator/pki/base64.h"

namespace ferro::oper::pki {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(decode_base64(encode_base64(bytes)).value(), bytes) << i;
    bytes.push_back(static_cast<char>(i * 37));
  }
}

TEST(Base64, WhatIsNoneIsRefused) {
  for (const char* text : {"a", "ab=", "====", "a===", "ab==cd==", "ab c", "ab\n=", "a=b=", "%%%%"}) {
    EXPECT_FALSE(decode_base64(text).ok()) << text;
  }
  EXPECT_EQ(decode_base64("").value(), "");
  EXPECT_EQ(decode_base64("Zm8=").value(), "fo");
}

TEST(Base64, TokensFitIntoUrls) {
  EXPECT_EQ(encode_base64url("\xFB\xEF\xFF"), "--__");
  EXPECT_EQ(encode_base64url("a"), "YQ");
}

TEST(SecretJson, ContentReplacesDataAndKeepsTheRest) {
  Json object = {{"metadata", {{"name", "demo-ca"}, {"annotations", {{"team", "x"}, {"g", "1"}}}}},
                 {"data", {{"old", "eA=="}}}};
  set_content({{{"new", Secret("value")}}, {{"g", "2"}}}, object);
  EXPECT_EQ(object["data"], (Json{{"new", "dmFsdWU="}}));
  EXPECT_EQ(object["metadata"]["annotations"], (Json{{"team", "x"}, {"g", "2"}}));
  EXPECT_EQ(object["metadata"]["name"], "demo-ca");
  EXPECT_EQ(data_of(object, "new")->reveal(), "value");
  EXPECT_EQ(data_of(object, "old").status().code(), StatusCode::not_found);
  EXPECT_EQ(annotation_number(object, "g"), 2);
}

TEST(SecretJson, OddObjectsHaveNothing) {
  for (const Json& object : {Json(), Json::array(), Json{{"data", 7}}, Json{{"metadata", "x"}},
                             Json{{"metadata", {{"annotations", {{"g", "1x"}}}}}}}) {
    EXPECT_FALSE(data_of(object, "k").ok());
    EXPECT_TRUE(data_keys(object).empty());
    EXPECT_EQ(annotation_number(object, "g"), 0);
  }
}

}  // namespace
}  // namespace ferro::oper::pki
