// One pass over one parsed document: reads what is asked for and checks everything else. Behind json_read.h
// only; the one header here that shows simdjson.
//
// Every method's false means that the document is malformed and nothing of it may be used. `level` counts the
// nesting of the value that is handed in; the document's own object is level 1.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "node/api/json_read.h"

namespace ferro::node::api {

// True and the value, or false.
template <typename T>
bool take(simdjson::simdjson_result<T>& result, T& value) {
  return std::move(result).get(value) == simdjson::SUCCESS;
}

class JsonWalk {
 public:
  // `floats` gets every embedding; it has room for all of them, so that spans into it stay valid.
  JsonWalk(const FieldSet& known, std::vector<float>& floats) : known_(known), floats_(floats) {}

  bool read_fields(simdjson::ondemand::object object, int level, Fields& out);
  // An item of a batch: what is no object becomes a problem.
  bool read_item(simdjson::ondemand::value value, int level, Fields& out);
  // Any value that nobody asked for: valid JSON all the way down.
  bool check(simdjson::ondemand::value value, int level);
  bool too_deep() const { return too_deep_; }

 private:
  using Value = simdjson::ondemand::value;
  using Type = simdjson::ondemand::json_type;

  bool check_object(Value value, int level);
  bool check_array(Value value, int level);
  bool read_field(Field field, Value value, int level, Fields& out);
  // For what is null (then absent) or of the wrong type (then a problem).
  bool read_other(Field field, Value value, Type type, int level, Fields& out, std::string_view expected);
  bool read_text(Field field, Value value, Type type, int level, Fields& out,
                 std::optional<std::string_view>& target);
  bool read_flag(Field field, Value value, Type type, int level, Fields& out, std::optional<bool>& target);
  bool read_integer(Field field, Value value, Type type, int level, Fields& out,
                    std::optional<int64_t>& target);
  bool read_number(Field field, Value value, Type type, int level, Fields& out,
                   std::optional<double>& target);
  bool read_embedding(Value value, Type type, int level, Fields& out);
  // The slow way that finds out what is wrong.
  bool read_floats_one_by_one(simdjson::ondemand::array array, int level, Fields& out);
  bool read_tags(Value value, Type type, int level, Fields& out);
  bool read_attributes(Value value, Type type, int level, Fields& out);

  const FieldSet& known_;
  std::vector<float>& floats_;
  bool too_deep_ = false;
};

}  // namespace ferro::node::api
