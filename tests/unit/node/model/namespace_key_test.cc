#include "node/model/namespace_key.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "common/base/limits.h"
#include "tests/fakes/seed.h"

namespace ferro::node::model {
namespace {

struct Printed {
  NamespaceKey key;
  std::string name;
};

TEST(PrintedName, ExamplesOfTheContractPrintAsThemselves) {
  const std::vector<Printed> table = {
      {{"name::384", "", ""}, "name::384"},
      {{"name::384", "tenant", ""}, "name::384::tenant"},
      {{"name::384", "tenant", "7"}, "name::384::tenant::conv_7"},
      {{"name::384", "", "7"}, "name::384::conv_7"},
      {{"a:b", "", ""}, "a:b"},
      {{"100%", "", ""}, "100%"},
      {{"::384", "", ""}, "::384"},
  };
  for (const Printed& row : table) EXPECT_EQ(printed_name(row.key), row.name);
}

TEST(PrintedName, EncodesWhatWouldBeAmbiguous) {
  const std::vector<Printed> table = {
      {{"a::b", "", ""}, "a%3A%3Ab"},
      {{"a", "b", ""}, "a::b"},
      {{"a:", "", ""}, "a%3A"},
      {{":a", "", ""}, "%3Aa"},
      {{"a%3A", "", ""}, "a%253A"},
      {{"a%25", "", ""}, "a%2525"},
      {{"x::384::512", "", ""}, "x%3A%3A384::512"},
      {{"a:::384", "", ""}, "a%3A::384"},
      {{"a", "384", ""}, "a::%3384"},
      {{"a", "conv_7", ""}, "a::%63onv_7"},
      {{"a", "x:y%", ""}, "a::x%3Ay%25"},
      {{"a", "", "conv_:%"}, "a::conv_conv_%3A%25"},
      {{"a", "", "384"}, "a::conv_384"},
  };
  for (const Printed& row : table) {
    EXPECT_EQ(printed_name(row.key), row.name);
    const Result<NamespaceKey> parsed = parse_printed_name(row.name);
    ASSERT_TRUE(parsed.ok()) << row.name;
    EXPECT_EQ(*parsed, row.key) << row.name;
  }
}

TEST(PrintedName, RefusesNamesThatNoKeyPrints) {
  for (const std::string name : {"",
                                 "::",
                                 "a::",
                                 "a:",
                                 ":a",
                                 "a::b::c",
                                 "a::conv_",
                                 "a::384::512",
                                 "a::b::conv_1::conv_2",
                                 "a::conv_1::b",
                                 "a::b%",
                                 "a::b%4",
                                 "a::%62",
                                 "a::b%3a",
                                 "a::b%3Ac::",
                                 "a%3Ab",
                                 "a%25b",
                                 "a:::b",
                                 "a:::384",
                                 "a::384::%61",
                                 "a:: b",
                                 "a::b ",
                                 "a::conv_ 1",
                                 "a::\xff",
                                 "\xff",
                                 "a::%FF",
                                 "a::b:c",
                                 "a::conv_b:c"}) {
    EXPECT_FALSE(parse_printed_name(name).ok()) << '"' << name << '"';
  }
  EXPECT_FALSE(parse_printed_name(std::string(limits::kModelIdBytesMax + 1, 'a')).ok());
  EXPECT_FALSE(parse_printed_name("a::" + std::string(limits::kScopeBytesMax + 1, 's')).ok());
}

// Keys made of the very pieces that the encoding has to keep apart.
std::string random_part(std::mt19937_64& random, size_t pieces_max) {
  static const std::vector<std::string> kPieces = {
      ":", "::", "%", "%3A", "%25", "3A", "25", "0", "1", "384", "conv_", "c", "a", "%63", "%3", "\xc3\xa9"};
  std::string out;
  const size_t pieces = random() % (pieces_max + 1);
  for (size_t i = 0; i < pieces; ++i) out += kPieces[random() % kPieces.size()];
  return out;
}

TEST(PrintedName, IsABijection) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::string, NamespaceKey> seen;
  for (int i = 0; i < 100'000; ++i) {
    NamespaceKey key{random_part(random, 4), random_part(random, 3), random_part(random, 3)};
    if (key.model_id.empty()) key.model_id = ":";
    const std::string name = printed_name(key);
    const Result<NamespaceKey> parsed = parse_printed_name(name);
    ASSERT_TRUE(parsed.ok()) << name;
    ASSERT_EQ(*parsed, key) << name;
    const auto [at, fresh] = seen.emplace(name, key);
    ASSERT_TRUE(fresh || at->second == key) << name;
  }
}

TEST(PrintedName, ParsedNamesPrintThemselves) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = random_part(random, 8);
    const Result<NamespaceKey> parsed = parse_printed_name(name);
    if (!parsed.ok()) continue;
    ++accepted;
    ASSERT_EQ(printed_name(*parsed), name);
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(MakeNamespaceKey, TrimsScopeAndConversationButNotTheModel) {
  const Result<NamespaceKey> key = make_namespace_key(" m ", "\xe3\x80\x80 tenant\t\xc2\xa0", "\r\n 7 ");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(*key, (NamespaceKey{" m ", "tenant", "7"}));
  const Result<NamespaceKey> blank = make_namespace_key("m", " \xe2\x80\xaf", "");
  ASSERT_TRUE(blank.ok());
  EXPECT_EQ(*blank, (NamespaceKey{"m", "", ""}));
}

TEST(MakeNamespaceKey, RefusesWhatTheContractRefuses) {
  EXPECT_FALSE(make_namespace_key("", "", "").ok());
  EXPECT_FALSE(make_namespace_key("m", " conv_1", "").ok());
  EXPECT_FALSE(make_namespace_key("\xff", "", "").ok());
  EXPECT_FALSE(make_namespace_key("m", "\xed\xa0\x80", "").ok());
  EXPECT_FALSE(make_namespace_key("m", "", "\xc0\x80").ok());
  EXPECT_EQ(make_namespace_key("", "", "").status().code(), StatusCode::invalid_argument);
}

TEST(MakeNamespaceKey, LengthsCountAfterTrimming) {
  const std::string longest(256, 'x');
  EXPECT_TRUE(make_namespace_key(longest, " " + longest + " ", longest + "\n").ok());
  EXPECT_FALSE(make_namespace_key(longest + "x", "", "").ok());
  EXPECT_FALSE(make_namespace_key("m", longest + "x", "").ok());
  EXPECT_FALSE(make_namespace_key("m", "", longest + "x").ok());
}

TEST(NamespaceKeyHash, PartsDoNotRunTogether) {
  const NamespaceKeyHash hash;
  std::set<size_t> hashes;
  for (const NamespaceKey& key :
       {NamespaceKey{"ab", "", ""}, NamespaceKey{"a", "b", ""}, NamespaceKey{"a", "", "b"}}) {
    hashes.insert(hash(key));
  }
  EXPECT_EQ(hashes.size(), 3U);
}

}  // namespace
}  // namespace ferro::node::model
