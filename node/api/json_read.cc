#include "node/api/json_read.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "common/base/limits.h"
#include "node/api/float_array.h"
#include "node/api/json_walk.h"

namespace ferro::node::api {

namespace ondemand = simdjson::ondemand;

struct JsonReader::State {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;    // the document's own
  std::string padded;         // the body and the parser's padding behind it
  std::vector<float> floats;  // every embedding of the body; never grows while spans into it exist

  // Nothing but white space behind the object.
  bool at_end() { return document.current_location().error() == simdjson::OUT_OF_BOUNDS; }
};

namespace {

// The code unit of the \uXXXX escape at `at`; -1 if it is none.
int escaped_code_unit(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  const char* const first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
  return error == std::errc() && end == first + 4 && unit >= 0 ? unit : -1;
}

// The parser pairs surrogates without looking whether they are a pair, so this looks: a high one must be
// followed by a low one and a low one must follow. Backslashes stand in strings only; elsewhere the parser
// refuses them.
bool has_lone_surrogate(std::string_view text) {
  size_t at = 0;
  while ((at = text.find('\\', at)) != std::string_view::npos) {
    const int unit = escaped_code_unit(text, at);
    if (unit >= 0xDC00 && unit <= 0xDFFF) return true;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      const int next = escaped_code_unit(text, at + 6);
      if (next < 0xDC00 || next > 0xDFFF) return true;
      at += 12;
    } else {
      at += 2;
    }
  }
  return false;
}

Status malformed() {
  return Status::invalid("the body is not valid JSON: send one JSON object");
}

Status too_deep() {
  return Status::invalid("the body nests deeper than " + std::to_string(limits::kJsonDepthMax) +
                         " levels: send a flatter one");
}

Status no_items() {
  return Status::invalid(R"(the body must be {"items": [...]})");
}

Status too_many_items(size_t items_max) {
  return Status::invalid("items holds more than " + std::to_string(items_max) + ": send smaller batches");
}

Status refused_by_parser(simdjson::error_code code) {
  if (code == simdjson::EMPTY) return Status::invalid("the body is empty: send a JSON object");
  if (code == simdjson::UTF8_ERROR) return Status::invalid("the body is not valid UTF-8: send UTF-8");
  return malformed();
}

}  // namespace

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;

void JsonReader::forget_large_body() noexcept {
  large_.reset();
}

JsonReader& JsonReader::of_this_thread() {
  thread_local JsonReader reader;
  return reader;
}

Result<JsonReader::State*> JsonReader::open(std::string_view body) {
  // Buffers take up to twelve times the body; those of ordinary requests stay, those of the rare large ones
  // go.
  constexpr size_t kKeepBytesMax = 1U << 20;
  static_assert(simdjson::SIMDJSON_PADDING >= kFloatArrayPadding);
  large_.reset();
  if (body.size() > kKeepBytesMax) large_ = std::make_unique<State>();
  State& state = large_ ? *large_ : *state_;
  const size_t padded_bytes = body.size() + simdjson::SIMDJSON_PADDING;
  if (state.padded.size() < padded_bytes) state.padded.resize(std::bit_ceil(padded_bytes));
  if (!body.empty()) std::memcpy(state.padded.data(), body.data(), body.size());
  std::memset(state.padded.data() + body.size(), 0, simdjson::SIMDJSON_PADDING);
  state.floats.clear();
  state.floats.reserve(body.size() / 2 + 1);  // a number and its comma are two bytes at least

  const auto error = state.parser.iterate(state.padded.data(), body.size(), padded_bytes).get(state.document);
  if (error != simdjson::SUCCESS) return refused_by_parser(error);
  if (has_lone_surrogate(body))
    return Status::invalid("the body holds half a surrogate pair: send whole characters");
  if (state.document.get_object().get(state.object) != simdjson::SUCCESS) return malformed();
  return &state;
}

Status JsonReader::read_object(std::string_view body, const FieldSet& known, Fields& out) {
  out = Fields();
  FERRO_ASSIGN_OR_RETURN(State* const state, open(body));
  JsonWalk walk(known, state->floats);
  if (!walk.read_fields(state->object, 1, out)) return walk.too_deep() ? too_deep() : malformed();
  return state->at_end() ? Status() : malformed();
}

Status JsonReader::read_items(std::string_view body, const FieldSet& known, size_t items_max,
                              std::vector<Fields>& out) {
  out.clear();
  FERRO_ASSIGN_OR_RETURN(State* const state, open(body));
  JsonWalk walk(known, state->floats);
  bool found = false;
  for (auto result : state->object) {
    ondemand::field pair;
    std::string_view key;
    if (!take(result, pair) || pair.unescaped_key().get(key) != simdjson::SUCCESS) return malformed();
    if (key != "items") {
      if (!walk.check(pair.value(), 2)) return walk.too_deep() ? too_deep() : malformed();
      continue;
    }
    found = true;
    out.clear();
    ondemand::array array;
    if (pair.value().get_array().get(array) != simdjson::SUCCESS) return no_items();
    for (auto element_result : array) {
      ondemand::value element;
      if (!take(element_result, element)) return malformed();
      if (out.size() == items_max) return too_many_items(items_max);
      if (!walk.read_item(element, 3, out.emplace_back())) return walk.too_deep() ? too_deep() : malformed();
    }
  }
  if (!state->at_end()) return malformed();
  return found ? Status() : no_items();
}

}  // namespace ferro::node::api
