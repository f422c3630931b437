// Builds JSON text straight into a string: no tree, one pass, strings escaped in runs.
//
// Commas are placed by themselves; the caller keeps begin and end in balance and gives every value of an
// object its key. Strings must be valid UTF-8 and come back byte for byte from any JSON reader. Not
// thread-safe.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace ferro::node::api {

// `text` in quotes; control characters, quotes and backslashes escaped, everything else as it stands.
void append_json_string(std::string_view text, std::string& out);

class JsonWriter {
 public:
  // Appends to `out`, which outlives the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& number(std::unsigned_integral auto value) { return integer(uint64_t{value}); }
  JsonWriter& number(std::signed_integral auto value) { return integer(int64_t{value}); }
  // The shortest text that reads back as the same value, always with a point or an exponent ("1.0"). Finite
  // only.
  JsonWriter& number(float value);
  JsonWriter& number(double value);
  // A finished value.
  JsonWriter& raw(std::string_view value);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& integer(uint64_t value);
  JsonWriter& integer(int64_t value);
  void separate();

  std::string& out_;
  bool comma_due_ = false;
};

}  // namespace ferro::node::api
