#include "tests/fakes/kube_api/cel.h"

#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/fakes/kube_api/patterns.h"

namespace ferro::fakes::kube::cel {
namespace {

struct Value {
  enum class Type : uint8_t { json, duration, quantity, error } type = Type::json;
  Json json;
  long double number = 0;  // nanoseconds of a duration, a quantity
  std::string message;

  static Value of(Json value) { return {Type::json, std::move(value), 0, {}}; }
  static Value special(Type type, long double number) { return {type, {}, number, {}}; }
  static Value error(std::string message) { return {Type::error, {}, 0, std::move(message)}; }
  bool failed() const { return type == Type::error; }
  bool is_bool() const { return type == Type::json && json.is_boolean(); }
  bool truth() const { return is_bool() && json.get<bool>(); }
};

using Variables = std::vector<std::pair<std::string, Value>>;
using Node = std::function<Value(Variables&)>;

std::optional<long double> parse_quantity(const std::string& text) {
  size_t used = 0;
  long double number = 0;
  try {
    number = std::stold(text, &used);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  static const std::vector<std::pair<std::string, long double>> kSuffixes = {
      {"", 1},         {"m", 1e-3L},    {"k", 1e3L},     {"M", 1e6L},     {"G", 1e9L},
      {"T", 1e12L},    {"P", 1e15L},    {"Ki", 0x1p10L}, {"Mi", 0x1p20L}, {"Gi", 0x1p30L},
      {"Ti", 0x1p40L}, {"Pi", 0x1p50L}, {"E", 1e18L},    {"Ei", 0x1p60L}};
  for (const auto& [suffix, factor] : kSuffixes) {
    if (text.compare(used, std::string::npos, suffix) == 0) return number * factor;
  }
  return std::nullopt;
}

std::optional<long double> parse_duration(const std::string& text) {
  static const std::regex kPart("([0-9]+(?:\\.[0-9]+)?)(ns|us|ms|s|m|h)");
  static const std::regex kWhole("-?(?:[0-9]+(?:\\.[0-9]+)?(?:ns|us|ms|s|m|h))+");
  if (!std::regex_match(text, kWhole)) return std::nullopt;
  long double sum = 0;
  for (std::sregex_iterator part(text.begin(), text.end(), kPart), none; part != none; ++part) {
    const std::string unit = (*part)[2];
    const long double factor = unit == "h"    ? 3600e9L
                               : unit == "m"  ? 60e9L
                               : unit == "s"  ? 1e9L
                               : unit == "ms" ? 1e6L
                               : unit == "us" ? 1e3L
                                              : 1;
    sum += std::stold((*part)[1]) * factor;
  }
  return text.starts_with('-') ? -sum : sum;
}

Value field_of(const Value& object, const std::string& name) {
  if (object.failed()) return object;
  if (!object.json.is_object()) return Value::error("no such field: " + name);
  const auto found = object.json.find(name);
  return found == object.json.end() ? Value::error("no such key: " + name) : Value::of(*found);
}

Value compare(const std::string& op, const Value& a, const Value& b) {
  if (a.failed()) return a;
  if (b.failed()) return b;
  if (op == "==" || op == "!=") {
    const bool same =
        a.type == b.type && (a.type == Value::Type::json ? a.json == b.json : a.number == b.number);
    return Value::of(same == (op == "=="));
  }
  int order = 0;
  if (a.type != b.type) return Value::error("no such overload: " + op);
  if (a.type != Value::Type::json) {
    order = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  } else if ((a.json.is_number() && b.json.is_number()) || (a.json.is_string() && b.json.is_string())) {
    order = a.json < b.json ? -1 : b.json < a.json ? 1 : 0;
  } else {
    return Value::error("no such overload: " + op);
  }
  if (op == "<") return Value::of(order < 0);
  if (op == "<=") return Value::of(order <= 0);
  if (op == ">") return Value::of(order > 0);
  return Value::of(order >= 0);
}

Value contained(const Value& item, const Value& in) {
  if (item.failed()) return item;
  if (in.failed()) return in;
  if (in.json.is_object())
    return Value::of(item.json.is_string() && in.json.contains(item.json.get<std::string>()));
  if (!in.json.is_array()) return Value::error("no such overload: in");
  for (const Json& element : in.json) {
    if (element == item.json) return Value::of(true);
  }
  return Value::of(false);
}

Value arithmetic(char op, const Value& a, const Value& b) {
  if (a.failed()) return a;
  if (b.failed()) return b;
  const std::string refused = std::string("no such overload: ") + op;
  if (a.type == Value::Type::duration && b.type == Value::Type::duration && (op == '+' || op == '-')) {
    return Value::special(a.type, op == '+' ? a.number + b.number : a.number - b.number);
  }
  if (a.type != Value::Type::json || b.type != Value::Type::json) return Value::error(refused);
  if (op == '+' && a.json.is_string() && b.json.is_string()) {
    return Value::of(a.json.get<std::string>() + b.json.get<std::string>());
  }
  if (op == '+' && a.json.is_array() && b.json.is_array()) {
    Json both = a.json;
    for (const Json& item : b.json) both.push_back(item);
    return Value::of(std::move(both));
  }
  if (a.json.is_number_integer() && b.json.is_number_integer()) {
    const auto x = a.json.get<int64_t>(), y = b.json.get<int64_t>();
    if ((op == '/' || op == '%') && y == 0) return Value::error("division by zero");
    return Value::of(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : op == '/' ? x / y : x % y);
  }
  if (a.json.is_number_float() && b.json.is_number_float() && op != '%') {
    const auto x = a.json.get<double>(), y = b.json.get<double>();
    return Value::of(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y);
  }
  return Value::error(refused);
}

size_t size_of(const Json& json) {
  if (!json.is_string()) return json.size();
  size_t count = 0;
  for (const char c : json.get_ref<const std::string&>())
    count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

Value to_quantity(const Value& from) {
  const auto parsed = from.json.is_string() ? parse_quantity(from.json.get<std::string>()) : std::nullopt;
  return parsed ? Value::special(Value::Type::quantity, *parsed)
                : Value::error("no quantity: " + from.json.dump());
}

// Both call forms: f(a, b) and a.f(b), the receiver first.
Value call_function(const std::string& name, const std::vector<Value>& in) {
  for (const Value& argument : in) {
    if (argument.failed()) return argument;
  }
  const auto strings = [&](size_t count) {
    if (in.size() != count) return false;
    for (const Value& argument : in) {
      if (argument.type != Value::Type::json || !argument.json.is_string()) return false;
    }
    return true;
  };
  const auto text = [&](size_t i) { return in[i].json.get<std::string>(); };
  const auto quantities = [&] {
    return in.size() == 2 && in[0].type == Value::Type::quantity && in[1].type == Value::Type::quantity;
  };
  if (name == "size" && in.size() == 1 && in[0].type == Value::Type::json)
    return Value::of(size_of(in[0].json));
  if (name == "startsWith" && strings(2)) return Value::of(text(0).starts_with(text(1)));
  if (name == "endsWith" && strings(2)) return Value::of(text(0).ends_with(text(1)));
  if (name == "contains" && strings(2)) return Value::of(text(0).find(text(1)) != std::string::npos);
  if (name == "matches" && strings(2)) return Value::of(std::regex_search(text(0), compiled(text(1))));
  if (name == "string" && in.size() == 1 && in[0].type == Value::Type::json) {
    return Value::of(in[0].json.is_string() ? text(0) : in[0].json.dump());
  }
  if (name == "int" && in.size() == 1 && in[0].json.is_number()) return Value::of(in[0].json.get<int64_t>());
  if (name == "double" && in.size() == 1 && in[0].json.is_number())
    return Value::of(in[0].json.get<double>());
  if (name == "duration" && strings(1)) {
    const auto parsed = parse_duration(text(0));
    return parsed ? Value::special(Value::Type::duration, *parsed) : Value::error("no duration: " + text(0));
  }
  if (name == "quantity" && in.size() == 1) return to_quantity(in[0]);
  if (name == "isQuantity" && strings(1)) return Value::of(parse_quantity(text(0)).has_value());
  if (name == "compareTo" && quantities()) {
    return Value::of(in[0].number < in[1].number ? -1 : in[0].number > in[1].number ? 1 : 0);
  }
  if (name == "isGreaterThan" && quantities()) return Value::of(in[0].number > in[1].number);
  if (name == "isLessThan" && quantities()) return Value::of(in[0].number < in[1].number);
  if (name == "getSeconds" && in.size() == 1 && in[0].type == Value::Type::duration) {
    return Value::of(static_cast<int64_t>(in[0].number / 1e9L));
  }
  return Value::error("undeclared function or no such overload: " + name);
}

Value run_macro(const std::string& name, const Value& over, const std::string& variable, const Node& body,
                Variables& variables) {
  if (over.failed()) return over;
  Json items = Json::array();
  if (over.json.is_array()) items = over.json;
  if (over.json.is_object()) {
    for (const auto& [key, value] : over.json.items()) items.push_back(key);
  }
  size_t good = 0;
  Json kept = Json::array();
  std::optional<Value> failed;
  for (const Json& item : items) {
    variables.emplace_back(variable, Value::of(item));
    const Value value = body(variables);
    variables.pop_back();
    if (value.failed() || (name != "map" && !value.is_bool())) {
      if (!failed) failed = value.failed() ? value : Value::error("a predicate that is no bool");
      continue;
    }
    if (name == "map") {
      kept.push_back(value.json);
    } else if (value.truth()) {
      ++good;
      if (name == "filter") kept.push_back(item);
    } else if (name == "all") {
      return Value::of(false);
    }
    if (name == "exists" && good > 0) return Value::of(true);
  }
  if (failed) return *failed;
  if (name == "all") return Value::of(true);
  if (name == "exists") return Value::of(false);
  if (name == "exists_one") return Value::of(good == 1);
  return Value::of(std::move(kept));
}

bool is_macro(const std::string& name) {
  return name == "all" || name == "exists" || name == "exists_one" || name == "filter" || name == "map";
}

// Recursive descent over CEL's grammar; throws std::invalid_argument for what it does not know.
class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  Node parse() {
    Node whole = conditional();
    skip();
    if (at_ != text_.size()) wrong("something stands behind the expression");
    return whole;
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    throw std::invalid_argument(what + " at " + std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool accept(const std::string& token) {
    skip();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }
  void expect(const std::string& token) {
    if (!accept(token)) wrong("expected " + token);
  }
  static bool letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
  std::string identifier() {
    skip();
    size_t end = at_;
    while (end < text_.size() && letter(text_[end])) ++end;
    if (end == at_ || std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) wrong("expected a name");
    const std::string name = text_.substr(at_, end - at_);
    at_ = end;
    return name;
  }

  Node conditional() {
    Node condition = either();
    if (!accept("?")) return condition;
    Node yes = either();
    expect(":");
    Node no = conditional();
    return [=](Variables& v) {
      const Value chosen = condition(v);
      if (chosen.failed()) return chosen;
      return chosen.truth() ? yes(v) : no(v);
    };
  }
  // The junctors forgive an error on one side if the other decides.
  static Node junctor(Node left, Node right, bool decides) {
    return [=](Variables& v) {
      const Value a = left(v);
      if (a.is_bool() && a.truth() == decides) return a;
      const Value b = right(v);
      if (b.is_bool() && b.truth() == decides) return b;
      if (a.failed() || !a.is_bool())
        return a.failed() ? a : Value::error("no such overload: a junctor of no bool");
      return b.failed() || b.is_bool() ? b : Value::error("no such overload: a junctor of no bool");
    };
  }
  Node either() {
    Node left = both();
    while (accept("||")) left = junctor(left, both(), true);
    return left;
  }
  Node both() {
    Node left = relation();
    while (accept("&&")) left = junctor(left, relation(), false);
    return left;
  }
  bool accept_word(const std::string& word) {
    skip();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    if (at_ + word.size() < text_.size() && letter(text_[at_ + word.size()])) return false;
    at_ += word.size();
    return true;
  }
  Node relation() {
    Node left = sum();
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!accept(op)) continue;
      Node right = sum();
      return [=, name = std::string(op)](Variables& v) { return compare(name, left(v), right(v)); };
    }
    if (accept_word("in")) {
      Node right = sum();
      return [=](Variables& v) { return contained(left(v), right(v)); };
    }
    return left;
  }
  Node chain(Node (Parser::*next)(), const std::string& operators) {
    Node left = (this->*next)();
    while (true) {
      skip();
      if (at_ >= text_.size() || operators.find(text_[at_]) == std::string::npos) return left;
      const char op = text_[at_++];
      Node right = (this->*next)();
      left = [=](Variables& v) { return arithmetic(op, left(v), right(v)); };
    }
  }
  Node sum() { return chain(&Parser::product, "+-"); }
  Node product() { return chain(&Parser::unary, "*/%"); }
  Node unary() {
    if (accept("!")) {
      Node inner = unary();
      return [=](Variables& v) {
        const Value value = inner(v);
        if (value.failed()) return value;
        return value.is_bool() ? Value::of(!value.truth()) : Value::error("no such overload: !");
      };
    }
    if (accept("-")) {
      Node inner = unary();
      return [=](Variables& v) { return arithmetic('-', Value::of(0), inner(v)); };
    }
    return member();
  }
  std::vector<Node> arguments() {
    std::vector<Node> found;
    if (accept(")")) return found;
    do {
      found.push_back(conditional());
    } while (accept(","));
    expect(")");
    return found;
  }
  static Node call(std::string name, std::vector<Node> nodes) {
    return [name = std::move(name), nodes = std::move(nodes)](Variables& v) {
      std::vector<Value> values;
      for (const Node& node : nodes) values.push_back(node(v));
      return call_function(name, values);
    };
  }
  Node member() {
    Node object = primary();
    while (true) {
      if (accept("[")) {
        Node index = conditional();
        expect("]");
        object = [=](Variables& v) {
          const Value from = object(v), key = index(v);
          if (from.failed()) return from;
          if (key.json.is_string()) return field_of(from, key.json.get<std::string>());
          const bool inside = from.json.is_array() && key.json.is_number_integer() && key.json >= 0 &&
                              key.json.get<size_t>() < from.json.size();
          return inside ? Value::of(from.json[key.json.get<size_t>()]) : Value::error("index out of range");
        };
      } else if (accept(".")) {
        const std::string name = identifier();
        if (!accept("(")) {
          object = [=](Variables& v) { return field_of(object(v), name); };
        } else if (is_macro(name)) {
          const std::string variable = identifier();
          expect(",");
          Node body = conditional();
          expect(")");
          object = [=](Variables& v) { return run_macro(name, object(v), variable, body, v); };
        } else {
          std::vector<Node> nodes = arguments();
          nodes.insert(nodes.begin(), object);
          object = call(name, std::move(nodes));
        }
      } else {
        return object;
      }
    }
  }
  Node constant(Json value) {
    return [value = std::move(value)](Variables&) { return Value::of(value); };
  }
  Node primary() {
    skip();
    if (at_ >= text_.size()) wrong("the expression ends too soon");
    const char c = text_[at_];
    if (accept("(")) {
      Node inner = conditional();
      expect(")");
      return inner;
    }
    if (accept("[")) return list();
    if (c == '\'' || c == '"') return constant(string_literal());
    const char after = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
    if (c == 'r' && (after == '\'' || after == '"')) {
      ++at_;
      return constant(string_literal(true));
    }
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) return constant(number_literal());
    const std::string name = identifier();
    if (name == "true" || name == "false") return constant(name == "true");
    if (name == "null") return constant(nullptr);
    if (name == "has" && accept("(")) {
      Node inner = member();
      expect(")");
      return [=](Variables& v) { return Value::of(!inner(v).failed()); };
    }
    if (accept("(")) return call(name, arguments());
    return [=](Variables& v) {
      for (auto variable = v.rbegin(); variable != v.rend(); ++variable) {
        if (variable->first == name) return variable->second;
      }
      return Value::error("undeclared reference: " + name);
    };
  }
  Node list() {
    std::vector<Node> nodes;
    if (!accept("]")) {
      do {
        nodes.push_back(conditional());
      } while (accept(","));
      expect("]");
    }
    return [=](Variables& v) {
      Json items = Json::array();
      for (const Node& node : nodes) {
        Value value = node(v);
        if (value.failed()) return value;
        items.push_back(std::move(value.json));
      }
      return Value::of(std::move(items));
    };
  }
  std::string string_literal(bool raw = false) {
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (!raw && text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value.push_back(text_[at_++]);
    }
    if (at_ >= text_.size()) wrong("a string without end");
    ++at_;
    return value;
  }
  Json number_literal() {
    size_t end = at_;
    while (end < text_.size() &&
           (std::isdigit(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '.'))
      ++end;
    const std::string digits = text_.substr(at_, end - at_);
    at_ = end;
    return Json::parse(digits);
  }

  const std::string& text_;
  size_t at_ = 0;
};

// Rules are few, and asked at every write. Throws what the parser does.
const Node& parsed(const std::string& rule) {
  thread_local std::map<std::string, Node> known;
  const auto found = known.find(rule);
  return found != known.end() ? found->second : known.emplace(rule, Parser(rule).parse()).first->second;
}

}  // namespace

Outcome evaluate(const std::string& rule, const Json& self, const Json* old) {
  const bool transition = std::regex_search(rule, compiled("\\boldSelf\\b"));
  if (transition && old == nullptr) return {Verdict::does_not_apply, {}};
  try {
    const Node& node = parsed(rule);
    Variables variables = {{"self", Value::of(self)}};
    if (old != nullptr) variables.emplace_back("oldSelf", Value::of(*old));
    const Value value = node(variables);
    if (value.failed()) return {Verdict::broken, value.message};
    if (!value.is_bool()) return {Verdict::broken, "the rule is no bool"};
    return {value.truth() ? Verdict::holds : Verdict::fails, {}};
  } catch (const std::exception& error) {
    return {Verdict::broken, error.what()};
  }
}

}  // namespace ferro::fakes::kube::cel
