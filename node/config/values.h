// From the text of a setting to a typed value and back. Pure functions; a nullopt means "not of that type".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferro::node::config {

// What a source said, before anybody knows which type the key has. Environment, command line and YAML give
// text only and it is taken literally (007 stays 007); TOML has types of its own, whose spelling is lost.
struct RawValue {
  enum class Kind : uint8_t {
    text,   // `text`, literally
    typed,  // a TOML integer, float, boolean or date: `text` is its canonical spelling, not what was written
    list,   // `items`
    nothing,        // a YAML null: as if the key were not there
    empty_section,  // a section without keys
  };
  Kind kind = Kind::text;
  std::string text;
  std::vector<std::string> items;

  static RawValue of_text(std::string value) { return {Kind::text, std::move(value), {}}; }
};

std::optional<uint64_t> parse_integer(std::string_view text);  // decimal digits only
std::optional<double> parse_number(std::string_view text);     // finite, decimal, exponent allowed
std::optional<bool> parse_boolean(std::string_view text);      // true/false, 1/0, yes/no, on/off in any case
// Comma-separated, blanks around items trimmed; no items in an empty text, an empty item elsewhere is an
// error.
std::optional<std::vector<std::string>> parse_list(std::string_view text);

std::string print_number(double value);  // the shortest text that reads back the same, always with a point
std::string print_list(const std::vector<std::string>& items);

// `host:port`, the host a name, an IPv4 address or an IPv6 address in brackets.
bool is_host_and_port(std::string_view text);
bool is_ip_address(std::string_view text);
// 1..`bytes_max` bytes between '!' and '~'.
bool is_visible_ascii(std::string_view text, size_t bytes_max);

// For messages and --print-config: control characters and broken UTF-8 as \xNN, so that one line stays one
// line.
std::string one_line(std::string_view text);
// The same in quotes, cut after a few dozen bytes.
std::string quoted_for_message(std::string_view text);

}  // namespace ferro::node::config
