// The bytes of format version 1, as every later build must read and, while it is the current version, write
// them.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "node/model/operation.h"

namespace ferro::node::model {
namespace {

std::string golden(const std::string& name) {
  std::ifstream in("tests/golden/operation/v1/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

PutOp put_full() {
  PutOp put;
  put.ns = {"all-MiniLM-L6-v2::4", "tenant a", "42"};
  put.id = "6f1f0f0e-3b6a-4a3c-9d8e-1d2c3b4a5f60";
  put.version = {111'411'200'000'065'537, 0xdecafbad};
  put.vector = {0.5F, -0.5F, 0.5F, -0.5F};
  put.query_text = "How do I reset my pass\u00adword?";
  put.response = "Open \"Settings\" \u2192 Security.\n";
  put.inserted_at_ms = 1'700'000'000'123;
  put.expires_at_ms = 1'700'003'600'123;
  put.tags = {"faq", "v2"};
  put.attributes = {{"lang", "en"}, {"tier", "gold"}};
  put.cost = 0.0125;
  put.has_cost = true;
  return put;
}

PutOp put_minimal() {
  PutOp put;
  put.ns = {"m", "", ""};
  put.id = "a";
  put.version = {1, 0};
  put.vector = {1.0F};
  put.inserted_at_ms = 1;
  return put;
}

TEST(OperationGolden, EveryFileIsReadAndWrittenToTheByte) {
  const std::vector<std::pair<std::string, Operation>> files = {
      {"put_full.bin", put_full()},
      {"put_minimal.bin", put_minimal()},
      {"delete_requested.bin", DeleteOp{{"m::2", "s", ""}, "a", {65536, 7}, DeleteReason::requested}},
      {"delete_invalidated.bin", DeleteOp{{"m::2", "s", ""}, "a", {65537, 7}, DeleteReason::invalidated}},
      {"delete_evicted.bin", DeleteOp{{"m::2", "", "c"}, "a", {65538, 7}, DeleteReason::evicted}},
      {"delete_moved.bin", DeleteOp{{"m::2", "s", ""}, "a", {65540, 7}, DeleteReason::moved}},
      {"delete_dated.bin",
       DeleteOp{{"m::2", "s", "c"}, "a", {65541, 7}, DeleteReason::invalidated, 1'700'000'000'123}},
      {"drop_namespace.bin", DropNamespaceOp{{"m::2", "s", "c"}, {65539, 7}}},
      {"drop_slots.bin", DropNamespaceOp{{"all-MiniLM-L6-v2::4", "tenant a", "42"},
                                         {111'411'200'000'065'537, 0xdecafbad},
                                         0x8888888888888888}},
  };
  for (const auto& [name, op] : files) {
    const std::string bytes = golden(name);
    ASSERT_FALSE(bytes.empty()) << name;
    std::string written;
    encode(op, written);
    EXPECT_EQ(written, bytes) << name;
    const Result<Operation> decoded = decode(as_bytes(bytes));
    ASSERT_TRUE(decoded.ok()) << name << ": " << decoded.status().to_string();
    std::string again;
    encode(*decoded, again);
    EXPECT_EQ(again, bytes) << name;
  }
}

TEST(OperationGolden, FieldsOfTheFullPut) {
  const Result<Operation> decoded = decode(as_bytes(golden("put_full.bin")));
  ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
  const auto& put = std::get<PutOp>(*decoded);
  const PutOp expected = put_full();
  EXPECT_EQ(put.ns, expected.ns);
  EXPECT_EQ(put.id, expected.id);
  EXPECT_EQ(put.version, expected.version);
  EXPECT_EQ(put.vector, expected.vector);
  EXPECT_EQ(put.query_text, expected.query_text);
  EXPECT_EQ(put.response, expected.response);
  EXPECT_EQ(put.inserted_at_ms, expected.inserted_at_ms);
  EXPECT_EQ(put.expires_at_ms, expected.expires_at_ms);
  EXPECT_EQ(put.tags, expected.tags);
  EXPECT_EQ(put.attributes, expected.attributes);
  EXPECT_TRUE(put.has_cost);
  EXPECT_EQ(put.cost, expected.cost);
}

}  // namespace
}  // namespace ferro::node::model
