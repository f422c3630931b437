#include "operator/pki/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/operator/pki/pki_fixture.h"

namespace ferro::oper::pki {
namespace {

Tokens again(const Tokens& held) {
  return read_tokens(secret_of(content_of(held))).value();
}
Json secret_with(const std::string& token, const std::string& tokens) {
  return secret_of({{{"token", Secret(token)}, {"tokens", Secret(tokens)}}, {}});
}

TEST(Tokens, ARotationNeverLeavesClientsWithATokenThatIsRefused) {
  const Tokens first = again(minted({}, 1, 0, kNow).value());
  EXPECT_EQ(first.current_generation(), 1);
  EXPECT_EQ(first.newest_generation(), 1);
  EXPECT_EQ(first.switched_unix, kNow);
  EXPECT_FALSE(first.previous_generation());

  const Tokens both = again(minted(first, 2, 5, kNow + 10).value());
  EXPECT_EQ(both.current.reveal(), first.current.reveal());
  EXPECT_EQ(both.current_generation(), 1);
  EXPECT_EQ(both.newest_generation(), 2);
  EXPECT_EQ(both.minted_unix, kNow + 10);
  EXPECT_EQ(both.requested, 5);
  EXPECT_EQ(dropped(both).status().code(), StatusCode::failed_precondition);

  const Tokens given = again(switched(both, kNow + 20).value());
  EXPECT_NE(given.current.reveal(), first.current.reveal());
  EXPECT_EQ(given.current_generation(), 2);
  EXPECT_EQ(given.previous_generation(), 1);
  EXPECT_EQ(given.switched_unix, kNow + 20);
  EXPECT_EQ(switched(given, kNow).status().code(), StatusCode::failed_precondition);

  const Tokens done = again(dropped(given).value());
  EXPECT_EQ(done.accepted.size(), 1U);
  EXPECT_EQ(done.current.reveal(), given.current.reveal());
  EXPECT_FALSE(done.previous_generation());
}

TEST(Tokens, AGenerationIsMintedOnce) {
  const Tokens first = minted({}, 3, 0, kNow).value();
  EXPECT_EQ(minted(first, 3, 0, kNow).status().code(), StatusCode::failed_precondition);
  EXPECT_EQ(minted(first, 2, 0, kNow).status().code(), StatusCode::failed_precondition);
}

TEST(Tokens, TheyAreLongAndNeverAlike) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Tokens made = minted({}, 1, 0, kNow).value();
    EXPECT_EQ(made.current.reveal().size(), 43U);
    seen.emplace(made.current.reveal());
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(Tokens, LinesAreThoseThatNodesRead) {
  Tokens tokens;
  tokens.current = Secret("abc");
  tokens.accepted = {{Secret("abc"), 1}, {Secret("def"), 2}};
  EXPECT_EQ(data_of(secret_of(content_of(tokens)), "tokens")->reveal(),
            "abc generation=1\ndef generation=2\n");
}

TEST(Tokens, DamageIsToldWithoutContent) {
  for (const Json& secret : {secret_with("hush", "other generation=1\n"), secret_with("hush", "hush\n"),
                             secret_with("hush", "hush generation=x\n"),
                             secret_with("hush", "\x01hush generation=1\n"), Json::object()}) {
    const auto read = read_tokens(secret);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.status().message(), testing::Not(testing::HasSubstr("hush")));
  }
}

TEST(Tokens, AUsersSecretMayBeShort) {
  const auto alone = read_foreign_tokens(secret_of({{{"token", Secret("mine\n")}}, {}}));
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone->current.reveal(), "mine");
  EXPECT_EQ(alone->newest_generation(), 0);
  const auto lines = read_foreign_tokens(
      secret_with("mine", "# a comment\nmine role=admin generation=4\nreader role=read scope=a\n\n"));
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(lines->current_generation(), 4);
  EXPECT_EQ(lines->accepted.size(), 2U);
  EXPECT_FALSE(read_foreign_tokens(secret_of({{{"token", Secret("two words")}}, {}})).ok());
  EXPECT_FALSE(read_foreign_tokens(secret_of({{{"tokens", Secret("mine\n")}}, {}})).ok());
}

}  // namespace
}  // namespace ferro::oper::pki
