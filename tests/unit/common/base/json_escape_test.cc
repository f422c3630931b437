#include "common/base/json_escape.h"

#include <gtest/gtest.h>

namespace ferro {
namespace {

std::string escaped(char character) {
  std::string out = ">";
  append_json_escape(character, out);
  return out;
}

TEST(JsonEscape, ShortFormsAndCodes) {
  EXPECT_EQ(escaped('"'), ">\\\"");
  EXPECT_EQ(escaped('\\'), ">\\\\");
  EXPECT_EQ(escaped('\n'), ">\\n");
  EXPECT_EQ(escaped('\r'), ">\\r");
  EXPECT_EQ(escaped('\t'), ">\\t");
  EXPECT_EQ(escaped('\0'), ">\\u0000");
  EXPECT_EQ(escaped('\x1f'), ">\\u001f");
  EXPECT_EQ(escaped('\x7f'), ">\\u007f");
}

}  // namespace
}  // namespace ferro
