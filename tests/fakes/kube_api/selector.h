// Label and field selectors, as list and watch take them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fakes/kube_api/message.h"

namespace ferro::fakes::kube {

class Selector {
 public:
  // "a=b,c!=d,e in (f,g),h notin (i),j,!k"; nothing if malformed.
  static std::optional<Selector> labels(std::string_view text);
  // "metadata.name=x,spec.nodeName!=y".
  static std::optional<Selector> fields(std::string_view text);
  // spec.selector of a StatefulSet (a LabelSelector) or of a Service (a map of labels).
  static Selector of_label_selector(const Json& selector);
  bool matches(const Json& object) const;

 private:
  struct Term {
    std::vector<std::string> path;  // from the object
    enum class Op : uint8_t { in, not_in, exists, absent } op = Op::exists;
    std::vector<std::string> values;
  };
  std::vector<Term> terms_;
};

}  // namespace ferro::fakes::kube
