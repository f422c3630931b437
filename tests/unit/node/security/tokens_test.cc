#include "node/security/tokens.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "tests/fakes/seed.h"
#include "tests/unit/node/security/folder.h"

namespace ferro::node::security {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TokenSet parsed(const std::string& text, const std::string& extra = "") {
  auto set = TokenSet::parse(text, Secret(extra));
  EXPECT_TRUE(set.ok()) << set.status().message();
  return set.ok() ? *std::move(set) : TokenSet();
}

std::string error_of(const std::string& text) {
  const auto set = TokenSet::parse(text, Secret());
  return set.ok() ? "(no error)" : set.status().message();
}

TEST(TokenFile, EachLineIsAnIdentity) {
  const TokenSet set = parsed(
      "\xEF\xBB\xBF# for the shop\n"
      "alpha\n"
      "\n"
      "  beta role=read\t scope=shop generation=7  # rotated\r\n"
      "gam#ma role=write #odd\n"
      "007 role=admin");
  EXPECT_EQ(set.size(), 4U);
  EXPECT_EQ(*set.find("alpha"), (Identity{Role::admin, std::nullopt, 0}));
  EXPECT_EQ(*set.find("beta"), (Identity{Role::read, "shop", 7}));
  EXPECT_EQ(*set.find("gam#ma"), (Identity{Role::write, std::nullopt, 0}));
  EXPECT_EQ(*set.find("007"), (Identity{Role::admin, std::nullopt, 0}));
  EXPECT_EQ(set.newest_generation(), 7U);
  for (const char* stranger :
       {"", "7", "alph", "alphaa", "Alpha", "alpha ", "rotated", "#", "beta role=read"}) {
    EXPECT_EQ(set.find(stranger), nullptr) << stranger;
  }
  EXPECT_EQ(set.find(std::string("alpha\0", 6)), nullptr);
  EXPECT_EQ(set.find(std::string(100'000, 'a')), nullptr);
}

TEST(TokenFile, EachGenerationKnowsWhenItWasLastUsed) {
  const TokenSet set = parsed("old generation=1\nnew generation=2\nother generation=2 role=read\n", "extra");
  const auto never = std::vector<GenerationUse>{{0, 1, 0}, {1, 1, 0}, {2, 2, 0}};
  EXPECT_EQ(set.generations(), never);
  set.note_use(*set.find("other"), 100);
  set.note_use(*set.find("new"), 90);  // a clock that went back changes nothing
  set.note_use(*set.find("extra"), 101);
  const auto used = std::vector<GenerationUse>{{0, 1, 101}, {1, 1, 0}, {2, 2, 100}};
  EXPECT_EQ(set.generations(), used);

  TokenSet next = parsed("new generation=2\nnewer generation=3\n");
  next.keep_uses_of(set);
  EXPECT_EQ(next.generations(), (std::vector<GenerationUse>{{2, 1, 100}, {3, 1, 0}}));
  set.note_use(*set.find("new"), 120);  // a request that still holds the former set
  EXPECT_EQ(next.generations().front().last_used_unix, 120);
}

TEST(TokenFile, AuthTokenIsAnUnscopedAdminUnlessALineSaysMore) {
  const TokenSet set = parsed("alpha role=read generation=3\n", "extra");
  EXPECT_EQ(set.size(), 2U);
  EXPECT_EQ(*set.find("extra"), Identity());
  const TokenSet same = parsed("alpha role=read generation=3\n", "alpha");
  EXPECT_EQ(same.size(), 1U);
  EXPECT_EQ(*same.find("alpha"), (Identity{Role::read, std::nullopt, 3}));
  EXPECT_EQ(parsed("", "").size(), 0U);
  EXPECT_EQ(parsed("# nobody\n\n").size(), 0U);
}

TEST(TokenFile, ErrorsNameTheLineAndNeverItsContent) {
  for (const char* bad :
       {"s3cret rest", "s3cret role=s3cret", "s3cret role=", "s3cret role", "s3cret role=read role=read",
        "s3cret scope=", "s3cret scope=conv_s3cret", "s3cret scope=a scope=b", "s3cret generation=s3cret",
        "s3cret generation=-1", "s3cret generation=1 generation=2", "s3cret s3cret=1", "s3cret ROLE=read",
        "s3cret\x01", "s3cret\xff", "s3cret scope=\xff", "s3cret role=read\x1f"}) {
    EXPECT_THAT(error_of(std::string("# one\nfine\n") + bad + "\n"),
                AllOf(HasSubstr("line 3: "), Not(HasSubstr("s3cret"))))
        << bad;
  }
  EXPECT_THAT(error_of(std::string(TokenSet::kTokenBytesMax + 1, 't')), HasSubstr("line 1"));
  EXPECT_THAT(error_of("t scope=" + std::string(257, 's')), HasSubstr("line 1"));
  EXPECT_EQ(parsed("t scope=" + std::string(256, 's')).size(), 1U);
}

TEST(TokenFile, ATokenTwiceMustSayTheSame) {
  EXPECT_EQ(parsed("a role=read\nb\na role=read\n").size(), 2U);
  EXPECT_THAT(error_of("a role=read\nb\na role=write\n"), AllOf(HasSubstr("line 3"), HasSubstr("line 1")));
}

TEST(TokenFile, NumberOfTokensIsBounded) {
  std::string text;
  for (size_t i = 0; i < TokenSet::kTokensMax; ++i) text += "token" + std::to_string(i) + "\n";
  const TokenSet set = parsed(text);
  EXPECT_EQ(set.size(), TokenSet::kTokensMax);
  EXPECT_NE(set.find("token0"), nullptr);
  EXPECT_NE(set.find("token9999"), nullptr);
  EXPECT_EQ(set.find("token10000"), nullptr);
  EXPECT_THAT(error_of(text + "one more\n"), HasSubstr("line 10001"));
}

// Against a map of what was written, over random files.
TEST(TokenFile, FindsExactlyWhatStandsInIt) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, Identity> model;
    std::string text;
    for (int i = 0; i < 40; ++i) {
      const std::string token = "t" + std::to_string(random() % 60);
      Identity identity{static_cast<Role>(1 + random() % 3), std::nullopt, random() % 5};
      if (random() % 2 == 0) identity.scope = "s" + std::to_string(random() % 3);
      if (!model.emplace(token, identity).second) continue;
      static constexpr std::array<const char*, 4> kNames{"", "read", "write", "admin"};
      text += token + " generation=" + std::to_string(identity.generation) +
              " role=" + kNames[static_cast<size_t>(identity.role)] +
              (identity.scope ? " scope=" + *identity.scope : "") + (random() % 4 == 0 ? " # x\r\n\n" : "\n");
    }
    const TokenSet set = parsed(text);
    for (int i = 0; i < 60; ++i) {
      const std::string token = "t" + std::to_string(i);
      const Identity* const found = set.find(token);
      ASSERT_EQ(found != nullptr, model.contains(token)) << text;
      if (found != nullptr) {
        ASSERT_EQ(*found, model[token]);
      }
    }
  }
}

class Source : public InFolder {
 protected:
  static std::unique_ptr<TokenSource> opened(const std::string& token, const std::string& file) {
    auto source = TokenSource::open(Secret(token), file);
    EXPECT_TRUE(source.ok()) << source.status().message();
    return source.ok() ? *std::move(source) : nullptr;
  }
  static bool knows(const TokenSource& source, const char* token) {
    return source.current()->find(token) != nullptr;
  }
};

TEST_F(Source, OffWithoutTokens) {
  const auto source = opened("", "");
  EXPECT_FALSE(source->enabled());
  EXPECT_FALSE(source->poll().value());
}

TEST_F(Source, TokenAloneAndTogetherWithAFile) {
  EXPECT_TRUE(opened("extra", "")->enabled());
  EXPECT_TRUE(knows(*opened("extra", ""), "extra"));
  const auto both = opened("extra", write("tokens", "alpha\n"));
  EXPECT_TRUE(knows(*both, "extra"));
  EXPECT_TRUE(knows(*both, "alpha"));
  replace("tokens", "beta\n");
  EXPECT_TRUE(both->poll().value());
  EXPECT_TRUE(knows(*both, "extra"));
  EXPECT_FALSE(knows(*both, "alpha"));
}

TEST_F(Source, AnEmptyFileLetsNobodyIn) {
  for (const char* nobody : {"", "\n", "# nobody\n"}) {
    const auto source = opened("", write("tokens", nobody));
    EXPECT_TRUE(source->enabled());
    EXPECT_FALSE(knows(*source, ""));
    EXPECT_EQ(source->current()->size(), 0U);
  }
}

TEST_F(Source, AMissingOrWrongFileRefusesTheStart) {
  const auto missing = TokenSource::open(Secret("extra"), path("none"));
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), AllOf(HasSubstr("auth_token_file"), HasSubstr(path("none"))));
  const auto wrong = TokenSource::open(Secret(), write("tokens", "\ns3cret oops\n"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.status().message(),
              AllOf(HasSubstr(path("tokens")), HasSubstr("line 2"), Not(HasSubstr("s3cret"))));
  EXPECT_FALSE(
      TokenSource::open(Secret(), write("big", std::string(TokenSource::kFileBytesMax + 1, '\n'))).ok());
  EXPECT_FALSE(TokenSource::open(Secret(), folder_.string()).ok());
}

TEST_F(Source, SeesRenameInPlaceWriteAndSymlinkSwap) {
  // A mounted Secret: tokens -> ..data/tokens, ..data -> ..v1; an update swaps the link ..data.
  write("..v1/tokens", "one\n");
  std::filesystem::create_directory_symlink("..v1", folder_ / "..data");
  std::filesystem::create_symlink("..data/tokens", folder_ / "tokens");
  const auto source = opened("", path("tokens"));
  EXPECT_TRUE(knows(*source, "one"));
  EXPECT_FALSE(source->poll().value());

  write("..v2/tokens", "two\n");
  std::filesystem::create_directory_symlink("..v2", folder_ / "..next");
  std::filesystem::rename(folder_ / "..next", folder_ / "..data");
  EXPECT_TRUE(source->poll().value());
  EXPECT_TRUE(knows(*source, "two"));
  EXPECT_FALSE(knows(*source, "one"));

  write("..v2/tokens", "six\n");  // in place, same length
  EXPECT_TRUE(source->poll().value());
  EXPECT_TRUE(knows(*source, "six"));

  replace("..v2/tokens", "ten\n");
  EXPECT_TRUE(source->poll().value());
  EXPECT_TRUE(knows(*source, "ten"));
  EXPECT_FALSE(source->poll().value());
  EXPECT_EQ(source->reloads(), 3U);
}

TEST_F(Source, AMissingOrWrongFileLaterKeepsTheLastGoodSet) {
  const auto source = opened("", write("tokens", "alpha\n"));
  std::filesystem::remove(path("tokens"));
  EXPECT_THAT(source->poll().status().message(),
              AllOf(HasSubstr("auth_token_file"), HasSubstr(path("tokens"))));
  EXPECT_TRUE(source->last_poll_failed());
  EXPECT_TRUE(knows(*source, "alpha"));

  write("tokens", "s3cret oops\n");
  for (int i = 0; i < 3; ++i) {
    const auto polled = source->poll();
    EXPECT_THAT(polled.status().message(), AllOf(HasSubstr("line 1"), Not(HasSubstr("s3cret"))));
    EXPECT_TRUE(source->last_poll_failed());
  }
  EXPECT_TRUE(knows(*source, "alpha"));

  write("tokens", "alpha\n");  // back to what is in force
  EXPECT_FALSE(source->poll().value());
  EXPECT_FALSE(source->last_poll_failed());
  write("tokens", "beta\n");
  EXPECT_TRUE(source->poll().value());
  EXPECT_EQ(source->reloads(), 1U);
}

// An in-place write empties the file first: taking that at its word would lock everybody out for a moment.
TEST_F(Source, HalfWrittenFilesWaitForASecondLook) {
  const auto source = opened("", write("tokens", "alpha\nbeta\n"));
  write("tokens", "");
  EXPECT_FALSE(source->poll().value());
  EXPECT_TRUE(knows(*source, "alpha"));
  write("tokens", "gamma\nde");
  EXPECT_FALSE(source->poll().value());
  EXPECT_TRUE(knows(*source, "alpha"));
  EXPECT_FALSE(knows(*source, "de"));
  write("tokens", "gamma\ndelta\n");
  EXPECT_TRUE(source->poll().value());
  EXPECT_TRUE(knows(*source, "delta"));
  EXPECT_FALSE(knows(*source, "alpha"));

  write("tokens", "epsilon");  // complete, only without a line end
  EXPECT_FALSE(source->poll().value());
  EXPECT_TRUE(source->poll().value());
  EXPECT_TRUE(knows(*source, "epsilon"));
  write("tokens", "");  // meant so
  EXPECT_FALSE(source->poll().value());
  EXPECT_TRUE(source->poll().value());
  EXPECT_FALSE(knows(*source, "epsilon"));
  EXPECT_TRUE(source->enabled());
}

TEST_F(Source, ReadersAreNeverWithoutASet) {
  const auto source = opened("", write("tokens", "always\nodd\n"));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> missing{0}, looked{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        const auto set = source->current();
        if (set->find("always") == nullptr) ++missing;
        ++looked;
      }
    });
  }
  for (int i = 0; i < 100 || looked.load() < 1000; ++i) {
    replace("tokens", i % 2 == 0 ? "always\neven\n" : "always\nodd\n");
    EXPECT_TRUE(source->poll().value());
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(missing.load(), 0U);
}

}  // namespace
}  // namespace ferro::node::security
