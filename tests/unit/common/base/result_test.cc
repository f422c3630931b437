#include "common/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace ferro {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return Status::invalid("odd");
  return value / 2;
}

Result<int> quarter(int value) {
  FERRO_ASSIGN_OR_RETURN(const int once, half(value));
  FERRO_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(Result, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).status(), Status::invalid("odd"));
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(ResultDeathTest, TheValueOfAFailureAborts) {
  Result<int> failed(Status::io_error("gone"));
  EXPECT_DEATH(failed.value(), "value\\(\\) of a failed Result");
}

TEST(Status, ContextComesFirstAndKeepsTheCode) {
  const Status status = Status::from_errno(ENOSPC, "write").with_context("segment 3");
  EXPECT_EQ(status.code(), StatusCode::no_space);
  EXPECT_EQ(status.message(), "segment 3: write: No space left on device");
  EXPECT_TRUE(Status().with_context("anything").ok());
}

}  // namespace
}  // namespace ferro
