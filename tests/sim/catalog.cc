#include "tests/sim/catalog.h"

#include <algorithm>
#include <cmath>

namespace ferro::sim {

namespace {

std::vector<float> unit(std::vector<float> vector) {
  float square = 0;
  for (const float value : vector) square += value * value;
  const float scale = 1.0F / std::sqrt(square);
  for (float& value : vector) value *= scale;
  return vector;
}

float random_float(fakes::Chance& chance) {
  return static_cast<float>(chance.below(2'000'001)) / 1e6F - 1.0F;
}

}  // namespace

std::vector<float> random_vector(fakes::Chance& chance) {
  std::vector<float> vector(kDimension);
  for (float& value : vector) value = random_float(chance);
  vector[0] += 1e-3F;  // never all zero
  return unit(std::move(vector));
}

std::vector<float> near_to(const std::vector<float>& vector, fakes::Chance& chance) {
  std::vector<float> near = vector;
  for (float& value : near) value += 0.1F * random_float(chance);
  return unit(std::move(near));
}

Catalog::Catalog(size_t scopes) {
  for (const char* model : {"m0", "m1"}) {
    for (size_t scope = 0; scope < scopes; ++scope) {
      const std::string name = scope == 0 ? "" : "s" + std::to_string(scope);
      namespaces_.push_back({model, name, ""});
      if (scope < 2) namespaces_.push_back({model, name, "c" + std::to_string(scope)});
    }
  }
}

std::optional<size_t> Catalog::index_of(const node::model::NamespaceKey& ns) const {
  const auto found = std::find(namespaces_.begin(), namespaces_.end(), ns);
  if (found == namespaces_.end()) return std::nullopt;
  return static_cast<size_t>(found - namespaces_.begin());
}

const Written& Catalog::write(uint32_t number, EntryName entry, fakes::Chance& chance) {
  Written written;
  written.number = number;
  written.query_text = "question " + std::to_string(number) + " of " + entry.id;
  written.tag = "t" + std::to_string(chance.below(3));
  written.entry = std::move(entry);
  written.vector = random_vector(chance);
  written_.push_back(std::move(written));
  return written_.back();
}

void Catalog::name(uint32_t number, const std::string& id) {
  for (auto written = written_.rbegin(); written != written_.rend(); ++written) {
    if (written->number == number) written->entry.id = id;
  }
}

node::engine::InsertRequest Catalog::request_of(const Written& written) const {
  node::engine::InsertRequest request;
  request.ns = namespaces_[written.entry.ns];
  request.id = written.entry.id;
  request.unit_vector = written.vector;
  request.query_text = written.query_text;
  request.response = "w" + std::to_string(written.number) + "/" + std::to_string(written.entry.ns);
  request.tags = {written.tag};
  return request;
}

const Written* Catalog::shown(std::string_view response, std::string_view id) const {
  // Newest first: answers mostly show what was written lately.
  for (auto written = written_.rbegin(); written != written_.rend(); ++written) {
    if (written->entry.id != id && !written->entry.id.empty()) continue;
    const std::string expected =
        "w" + std::to_string(written->number) + "/" + std::to_string(written->entry.ns);
    if (response == expected) return &*written;
  }
  return nullptr;
}

}  // namespace ferro::sim
