#include "node/model/operation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "common/base/limits.h"
#include "tests/fakes/seed.h"

namespace ferro::node::model {
namespace {

bool same(const PutOp& a, const PutOp& b) {
  return a.ns == b.ns && a.id == b.id && a.version == b.version && a.vector == b.vector &&
         a.query_text == b.query_text && a.response == b.response && a.inserted_at_ms == b.inserted_at_ms &&
         a.expires_at_ms == b.expires_at_ms && a.tags == b.tags && a.attributes == b.attributes &&
         a.cost == b.cost && a.has_cost == b.has_cost;
}

bool same(const Operation& a, const Operation& b) {
  if (a.index() != b.index() || version_of(a) != version_of(b) || namespace_of(a) != namespace_of(b))
    return false;
  if (const auto* put = std::get_if<PutOp>(&a)) return same(*put, std::get<PutOp>(b));
  const auto* deleted = std::get_if<DeleteOp>(&a);
  if (deleted == nullptr) return true;
  const auto& other = std::get<DeleteOp>(b);
  return deleted->id == other.id && deleted->reason == other.reason &&
         deleted->deleted_at_ms == other.deleted_at_ms;
}

PutOp sample_put() {
  PutOp put;
  put.ns = {"m::2", "tenant", "7"};
  put.id = "id-1";
  put.version = {123456789, 42};
  put.vector = {0.6F, -0.8F};
  put.query_text = "What?";
  put.response = "That.";
  put.inserted_at_ms = 1'700'000'000'001;
  put.expires_at_ms = 1'700'000'060'001;
  put.tags = {"a", "a", "b"};
  put.attributes = {{"lang", "en"}, {"tier", ""}};
  put.cost = 0.25;
  put.has_cost = true;
  return put;
}

std::string encoded(const Operation& op) {
  std::string out;
  encode(op, out);
  return out;
}

TEST(Operation, RoundTripsAndAppends) {
  PutOp bare;
  bare.ns = {"m", "", ""};
  bare.id = "x";
  bare.vector = {1.0F};
  for (const Operation& op : {Operation(sample_put()), Operation(bare),
                              Operation(DeleteOp{{"m", "s", ""}, "x", {7, 1}, DeleteReason::evicted}),
                              Operation(DeleteOp{{"m", "s", ""}, "x", {7, 1}, DeleteReason::moved, 12}),
                              Operation(DropNamespaceOp{{"m", "", "c"}, {9, 2}})}) {
    std::string out = "kept";
    encode(op, out);
    ASSERT_EQ(out.substr(0, 4), "kept");
    const Result<Operation> decoded = decode(as_bytes(out).subspan(4));
    ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
    EXPECT_TRUE(same(*decoded, op));
  }
}

Operation random_operation(std::mt19937_64& random) {
  const auto text = [&random](size_t bytes_max, size_t bytes_min = 0) {
    std::string out(bytes_min + random() % (bytes_max - bytes_min + 1), ' ');
    for (char& c : out) c = static_cast<char>('!' + random() % 94);
    return out;
  };
  const NamespaceKey ns{text(256, 1), text(256), text(256)};
  const Hlc version{random(), static_cast<uint32_t>(random())};
  if (random() % 8 == 0) return DropNamespaceOp{ns, version};
  if (random() % 4 == 0) {
    return DeleteOp{ns, text(128, 1), version, static_cast<DeleteReason>(random() % 4),
                    random() % 2 == 0 ? 0 : static_cast<int64_t>(random() >> 1)};
  }
  PutOp put;
  put.ns = ns;
  put.id = text(128, 1);
  put.version = version;
  put.vector.resize(1 + random() % 64);
  double squares = 0.0;
  for (float& value : put.vector) {
    value = static_cast<float>(random() % 2001) / 1000.0F - 1.0F;
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  if (squares == 0.0) squares = put.vector[0] = 1.0F;
  for (float& value : put.vector) value = static_cast<float>(value / std::sqrt(squares));
  put.query_text = text(300);
  put.response = text(300);
  put.inserted_at_ms = static_cast<int64_t>(random() >> 1);
  put.expires_at_ms = random() % 2 == 0 ? 0 : static_cast<int64_t>(random() >> 1);
  for (size_t i = random() % 5; i > 0; --i) put.tags.push_back(text(128, 1));
  for (size_t i = 0; i < random() % 5; ++i)
    put.attributes.emplace_back("name" + std::to_string(i), text(1024));
  put.has_cost = random() % 2 == 0;
  if (put.has_cost) put.cost = static_cast<double>(random() % 1000) / 7.0;
  return put;
}

TEST(Operation, RandomOnesRoundTripAndEveryCutIsRefused) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    const Operation op = random_operation(random);
    const std::string bytes = encoded(op);
    const Result<Operation> decoded = decode(as_bytes(bytes));
    ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
    ASSERT_TRUE(same(*decoded, op));
    ASSERT_EQ(encoded(*decoded), bytes);
    // A prefix is refused or, cut exactly between two fields, a smaller operation with its own encoding.
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const Result<Operation> part = decode(as_bytes(bytes).first(cut));
      if (part.ok()) {
        ASSERT_EQ(encoded(*part), bytes.substr(0, cut));
      } else {
        ASSERT_EQ(part.status().code(), StatusCode::data_loss);
      }
    }
  }
}

TEST(Operation, FieldsOfLaterBuildsAreSkipped) {
  std::string bytes = encoded(sample_put());
  ByteWriter more(bytes);
  for (const uint64_t tag : {uint64_t{200}, uint64_t{200}, uint64_t{1} << 40}) {
    more.varint(tag);
    more.text("from the future");
  }
  const Result<Operation> decoded = decode(as_bytes(bytes));
  ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
  EXPECT_TRUE(same(*decoded, Operation(sample_put())));
}

TEST(Operation, LaterVersionsAndKindsAreRefusedByName) {
  std::string bytes = encoded(sample_put());
  bytes[0] = 2;
  EXPECT_NE(decode(as_bytes(bytes)).status().message().find("version 2"), std::string::npos);
  bytes[0] = 1;
  bytes[1] = 9;
  EXPECT_NE(decode(as_bytes(bytes)).status().message().find("kind 9"), std::string::npos);
}

TEST(Operation, RefusesWhatBreaksTheLimits) {
  const std::vector<std::pair<std::string, std::function<void(PutOp&)>>> breaks = {
      {"empty model", [](PutOp& p) { p.ns.model_id.clear(); }},
      {"long model", [](PutOp& p) { p.ns.model_id.assign(257, 'm'); }},
      {"untrimmed scope", [](PutOp& p) { p.ns.scope = " s"; }},
      {"empty id", [](PutOp& p) { p.id.clear(); }},
      {"long id", [](PutOp& p) { p.id.assign(129, 'i'); }},
      {"id with a space", [](PutOp& p) { p.id = "a b"; }},
      {"id beyond ASCII", [](PutOp& p) { p.id = "\xc3\xa9"; }},
      {"no vector", [](PutOp& p) { p.vector.clear(); }},
      {"not a unit vector",
       [](PutOp& p) {
         p.vector = {0.6F, 0.6F};
       }},
      {"NaN",
       [](PutOp& p) {
         p.vector = {1.0F, std::numeric_limits<float>::quiet_NaN()};
       }},
      {"infinity",
       [](PutOp& p) {
         p.vector = {1.0F, std::numeric_limits<float>::infinity()};
       }},
      {"too many dimensions", [](PutOp& p) { p.vector.assign(4097, 1.0F / 64.0F); }},
      {"query text", [](PutOp& p) { p.query_text = "\xff"; }},
      {"response", [](PutOp& p) { p.response = "\xc3"; }},
      {"negative time", [](PutOp& p) { p.expires_at_ms = -1; }},
      {"empty tag", [](PutOp& p) { p.tags = {""}; }},
      {"long tag", [](PutOp& p) { p.tags = {std::string(129, 't')}; }},
      {"many tags", [](PutOp& p) { p.tags.assign(33, "t"); }},
      {"attribute name",
       [](PutOp& p) {
         p.attributes = {{"a b", ""}};
       }},
      {"attribute order",
       [](PutOp& p) {
         p.attributes = {{"b", ""}, {"a", ""}};
       }},
      {"attribute twice",
       [](PutOp& p) {
         p.attributes = {{"a", ""}, {"a", ""}};
       }},
      {"attribute value",
       [](PutOp& p) {
         p.attributes = {{"a", std::string(1025, 'v')}};
       }},
      {"cost", [](PutOp& p) { p.cost = std::numeric_limits<double>::infinity(); }},
  };
  for (const auto& [name, damage] : breaks) {
    PutOp put = sample_put();
    damage(put);
    EXPECT_EQ(decode(as_bytes(encoded(put))).status().code(), StatusCode::data_loss) << name;
  }
}

std::string fields(uint8_t kind, const std::vector<std::pair<uint64_t, std::string>>& list) {
  std::string out = {1, static_cast<char>(kind)};
  ByteWriter writer(out);
  for (const auto& [tag, value] : list) {
    writer.varint(tag);
    writer.text(value);
  }
  return out;
}

TEST(Operation, RefusesFieldsOutOfPlace) {
  const std::string version(12, '\1');
  const std::string reason(1, '\0');
  const std::string time = {1, 0, 0, 0, 0, 0, 0, 0};
  const std::string none(8, '\0');
  ASSERT_TRUE(decode(as_bytes(fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, reason}, {15, time}}))).ok());
  ASSERT_TRUE(decode(as_bytes(fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, reason}}))).ok());
  const std::vector<std::string> refused = {
      fields(2, {{1, "m"}, {4, "x"}, {5, version}}),                            // no reason
      fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, "\4"}}),                // unknown reason
      fields(2, {{1, "m"}, {4, "x"}, {14, reason}}),                            // no version
      fields(2, {{1, "m"}, {5, version}, {14, reason}}),                        // no id
      fields(2, {{1, "m"}, {4, "x"}, {5, "short"}, {14, reason}}),              // version of five bytes
      fields(2, {{4, "x"}, {1, "m"}, {5, version}, {14, reason}}),              // order
      fields(2, {{1, "m"}, {4, "x"}, {4, "y"}, {5, version}, {14, reason}}),    // twice
      fields(2, {{1, "m"}, {4, "x"}, {5, version}, {8, "r"}, {14, reason}}),    // a response in a delete
      fields(3, {{1, "m"}, {4, "x"}, {5, version}}),                            // an id in a drop
      fields(3, {{1, "m"}, {5, version}, {14, reason}}),                        // a reason in a drop
      fields(3, {{1, "m"}, {5, version}, {15, time}}),                          // a time in a drop
      fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, reason}, {15, "\1"}}),  // a time of one byte
      fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, reason}, {15, none}}),  // the time 0
      fields(2, {{1, "m"}, {4, "x"}, {5, version}, {14, reason}, {15, time}, {15, time}}),  // twice
      fields(3, {{0, ""}, {1, "m"}, {5, version}}),                                         // tag 0
      fields(1, {{1, "m"}, {4, "x"}, {5, version}, {6, "abc"}}),  // three bytes of a float
  };
  for (size_t i = 0; i < refused.size(); ++i) EXPECT_FALSE(decode(as_bytes(refused[i])).ok()) << "row " << i;
}

TEST(Operation, FlippedBitsNeverCrashAndDecodeToWhatTheyEncode) {
  const std::string bytes = encoded(sample_put());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const Result<Operation> decoded = decode(as_bytes(flipped));
    if (!decoded.ok()) continue;
    const Result<Operation> again = decode(as_bytes(encoded(*decoded)));
    ASSERT_TRUE(again.ok() && same(*again, *decoded)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace ferro::node::model
