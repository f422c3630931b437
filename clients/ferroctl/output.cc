#include "clients/ferroctl/output.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>

#include "common/base/utf8.h"

namespace ferro::ferroctl {
namespace {

using Json = nlohmann::json;

size_t width_of(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<size_t>(utf8_length(text), 1));
    ++width;
  }
  return width;
}

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, member);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::BeginSeq;
    for (const Json& item : value) emit(out, item);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << value.dump();
  }
}

std::string scaled(double value, double base, const std::vector<std::string>& units, bool blank) {
  size_t unit = 0;
  while (value >= base && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f" : "%.1f", value);
  return std::string(text) + (blank ? " " : "") + units[unit];
}

}  // namespace

std::string Table::text() const {
  std::vector<size_t> widths;
  const auto measure = [&widths](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  };
  measure(head_);
  for (const auto& row : rows_) measure(row);
  std::string out;
  const auto write = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    out += line + "\n";
  };
  write(head_);
  for (const auto& row : rows_) write(row);
  return out;
}

void print(Format format, const Json& value, const std::string& table) {
  std::string text = table;
  if (format == Format::json) text = value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (format == Format::yaml) {
    YAML::Emitter out;
    emit(out, value);
    text = std::string(out.c_str()) + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void say(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

Status printed() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return Status::io_error("cannot write the output: is the disk full, or did its reader end?");
}

std::string bytes_text(double bytes) {
  return scaled(bytes, 1024, {"B", "KiB", "MiB", "GiB", "TiB"}, true);
}

std::string number_text(double value) {
  return value < 10'000 ? scaled(value, 1e9, {"", ""}, false)
                        : scaled(value, 1000, {"", "k", "M", "G"}, false);
}

std::string age_text(int64_t seconds) {
  if (seconds < 0) seconds = 0;
  const auto two = [](int64_t a, const char* x, int64_t b, const char* y) {
    return std::to_string(a) + x + (b > 0 ? std::to_string(b) + y : "");
  };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string cell(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || object[key].is_null()) return "-";
  const Json& value = object[key];
  if (value.is_string())
    return value.get<std::string>().empty() ? "-" : one_line(value.get<std::string>(), 200);
  return value.dump();
}

std::string one_line(std::string_view text, size_t characters_max) {
  std::string out;
  size_t characters = 0;
  while (!text.empty()) {
    if (characters++ == characters_max) return out + "…";
    const size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool control = first < 0x20 || first == 0x7F ||
                         (length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (length == 0 || control) {
      out += first == '\n' ? "⏎" : "·";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace ferro::ferroctl
