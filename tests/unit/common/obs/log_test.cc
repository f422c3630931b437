#include "common/obs/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "common/base/utf8.h"
#include "common/obs/log_line.h"
#include "tests/fakes/seed.h"

namespace ferro::obs {
namespace {

using std::chrono::milliseconds;
const std::chrono::system_clock::time_point kTime{milliseconds(1'700'000'000'007)};

std::string json_line(std::string_view message, std::initializer_list<Field> fields) {
  return render_line(LogFormat::json, kTime, "info", render_event(LogFormat::json, message, fields));
}
std::string text_line(std::string_view message, std::initializer_list<Field> fields) {
  return render_line(LogFormat::text, kTime, "warn", render_event(LogFormat::text, message, fields));
}

TEST(LogLine, JsonCarriesTimeLevelMessageAndFields) {
  EXPECT_EQ(
      json_line("started", {{"port", "3000"}, {"path", "a \"b\""}}),
      R"({"time":"2023-11-14T22:13:20.007Z","level":"info","message":"started","port":"3000","path":"a \"b\""})");
}

TEST(LogLine, TextQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(
      text_line("log stopped", {{"file", "a.log"}, {"reason", "no space"}, {"empty", ""}, {"odd", "a=b"}}),
      R"(2023-11-14T22:13:20.007Z warn log stopped file=a.log reason="no space" empty="" odd="a=b")");
}

TEST(LogLine, AValueCannotForgeALine) {
  const std::string line = text_line("a\nb\rc", {{"v", "x\n2023 info forged"}, {"esc", "\x1b[31m"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\r'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_THAT(line, testing::HasSubstr(R"(v="x\n2023 info forged")"));
}

TEST(LogLine, JsonIsValidWhateverBytesTheValuesHold) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string value(random() % 64, '\0');
    std::generate(value.begin(), value.end(), [&] { return static_cast<char>(random() % 256); });
    const std::string line = json_line(value, {{value, value}});
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << line;
    ASSERT_EQ(line.find('\n'), std::string::npos);
    if (utf8_valid(value)) {
      ASSERT_EQ(parsed["message"], value);
    }
  }
}

TEST(LogLine, LongValuesAreCutBetweenCharacters) {
  std::string value;
  while (value.size() <= kLogValueBytesMax) value += "\xC3\xA4\xE2\x82\xAC";  // 2 + 3 bytes
  const auto parsed = nlohmann::json::parse(json_line("m", {{"v", value}}));
  const std::string logged = parsed["v"];
  EXPECT_LE(logged.size(), kLogValueBytesMax + 3);
  EXPECT_TRUE(utf8_valid(logged));
  EXPECT_TRUE(logged.ends_with("\xE2\x80\xA6"));
  const std::string whole(kLogValueBytesMax, 'x');
  EXPECT_EQ(nlohmann::json::parse(json_line("m", {{"v", whole}}))["v"], whole);
}

TEST(LogLevels, NamesAreThoseOfTheConfiguration) {
  for (const char* name : {"trace", "debug", "info", "warn", "error", "off"})
    EXPECT_TRUE(parse_level(name).ok());
  EXPECT_EQ(parse_level("warn").value(), Level::warn);
  for (const char* name : {"", "WARN", "warning", "3"}) EXPECT_FALSE(parse_level(name).ok()) << name;
}

// One process, one logger: the steps build on each other.
TEST(Logger, SetUpOnceThenFollowsTheLevel) {
  testing::internal::CaptureStderr();
  info("before set-up");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::EndsWith(" info before set-up\n"));

  EXPECT_FALSE(init_logging(Level::info, "xml").ok());
  ASSERT_TRUE(init_logging(Level::info, "json").ok());
  EXPECT_EQ(init_logging(Level::info, "text").code(), StatusCode::failed_precondition);

  testing::internal::CaptureStderr();
  EXPECT_FALSE(would_log(Level::debug));
  debug("hidden");
  set_level(Level::debug);
  debug("shown", {{"request_id", "r1"}});
  set_level(Level::off);
  error("hidden too");
  EXPECT_FALSE(would_log(Level::error));
  EXPECT_FALSE(would_log(Level::off));
  set_level(Level::info);
  std::thread other([] {
    for (int i = 0; i < 200; ++i) info("{} not a format", {{"from", "other"}});
  });
  for (int i = 0; i < 200; ++i) warn("{0} not a format", {{"from", "main"}});
  other.join();

  std::istringstream lines(testing::internal::GetCapturedStderr());
  std::string line;
  std::map<std::string, int> messages;
  while (std::getline(lines, line)) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << line;
    ++messages[std::string(parsed["level"]) + " " + std::string(parsed["message"])];
  }
  EXPECT_EQ(messages,
            (std::map<std::string, int>{
                {"debug shown", 1}, {"info {} not a format", 200}, {"warn {0} not a format", 200}}));
}

}  // namespace
}  // namespace ferro::obs
