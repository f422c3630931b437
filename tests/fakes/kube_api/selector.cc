#include "tests/fakes/kube_api/selector.h"

#include <algorithm>
#include <sstream>

namespace ferro::fakes::kube {
namespace {

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

// At commas outside of parentheses.
std::vector<std::string> split_terms(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(trimmed(part));
      part.clear();
    } else {
      part.push_back(c);
    }
  }
  if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  return parts;
}

std::vector<std::string> label_path(std::string_view key) {
  return {"metadata", "labels", std::string(key)};
}

}  // namespace

std::optional<Selector> Selector::labels(std::string_view text) {
  Selector selector;
  for (const std::string& part : split_terms(text)) {
    Term term;
    const size_t open = part.find('(');
    if (open != std::string::npos) {
      std::istringstream head(part.substr(0, open));
      std::string key, word;
      head >> key >> word;
      if (!part.ends_with(')') || (word != "in" && word != "notin")) return std::nullopt;
      term.path = label_path(key);
      term.op = word == "in" ? Term::Op::in : Term::Op::not_in;
      term.values = split_terms(std::string_view(part).substr(open + 1, part.size() - open - 2));
    } else if (const size_t unequal = part.find("!="); unequal != std::string::npos) {
      term.path = label_path(trimmed(std::string_view(part).substr(0, unequal)));
      term.op = Term::Op::not_in;
      term.values = {trimmed(std::string_view(part).substr(unequal + 2))};
    } else if (const size_t equal = part.find('='); equal != std::string::npos) {
      const size_t value = part.find_first_not_of('=', equal);
      term.path = label_path(trimmed(std::string_view(part).substr(0, equal)));
      term.op = Term::Op::in;
      term.values = {value == std::string::npos ? "" : trimmed(std::string_view(part).substr(value))};
    } else if (part.starts_with('!')) {
      term.path = label_path(trimmed(std::string_view(part).substr(1)));
      term.op = Term::Op::absent;
    } else {
      term.path = label_path(part);
    }
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

std::optional<Selector> Selector::fields(std::string_view text) {
  Selector selector;
  for (const std::string& part : split_terms(text)) {
    const size_t equal = part.find('=');
    if (equal == std::string::npos) return std::nullopt;
    const bool negated = equal > 0 && part[equal - 1] == '!';
    const size_t value = part.find_first_not_of('=', equal);
    Term term;
    std::istringstream in(part.substr(0, negated ? equal - 1 : equal));
    for (std::string step; std::getline(in, step, '.');) term.path.push_back(step);
    term.op = negated ? Term::Op::not_in : Term::Op::in;
    term.values = {value == std::string::npos ? "" : part.substr(value)};
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

Selector Selector::of_label_selector(const Json& source) {
  Selector selector;
  if (!source.is_object()) return selector;
  const Json labels = source.contains("matchLabels") ? source.at("matchLabels") : source;
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string()) selector.terms_.push_back({label_path(key), Term::Op::in, {value}});
  }
  return selector;
}

bool Selector::matches(const Json& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const Json* here = &object;
    for (const std::string& step : term.path) {
      const auto found = here->is_object() ? here->find(step) : here->end();
      here = here->is_object() && found != here->end() ? &*found : nullptr;
      if (here == nullptr) break;
    }
    const bool there = here != nullptr && here->is_string();
    const bool listed = there && std::find(term.values.begin(), term.values.end(),
                                           here->get<std::string>()) != term.values.end();
    switch (term.op) {
      case Term::Op::in:
        return listed || (!there && term.values == std::vector<std::string>{""});
      case Term::Op::not_in:
        return !listed;
      case Term::Op::exists:
        return there;
      case Term::Op::absent:
        return !there;
    }
    return false;
  });
}

}  // namespace ferro::fakes::kube
