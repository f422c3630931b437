// Made-up unit vectors that look like embeddings: topics, with members at all distances from them.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "node/index/kernels.h"

namespace ferro::node::index {

inline std::vector<float> random_unit_vector(std::mt19937& rng, size_t dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimension);
  do {
    for (float& value : vector) value = normal(rng);
  } while (!normalise(vector));
  return vector;
}

// At cosine around 1 / sqrt(1 + spread^2) to `centre`.
inline std::vector<float> vector_near(std::mt19937& rng, const std::vector<float>& centre, float spread) {
  std::vector<float> vector = random_unit_vector(rng, centre.size());
  for (size_t i = 0; i < vector.size(); ++i) vector[i] = centre[i] + spread * vector[i];
  return normalise(vector) ? vector : centre;
}

class Topics {
 public:
  Topics(std::mt19937& rng, size_t dimension, size_t count) {
    for (size_t i = 0; i < count; ++i) centres_.push_back(random_unit_vector(rng, dimension));
  }
  std::vector<float> draw(std::mt19937& rng) const {
    const float spread = std::uniform_real_distribution<float>(0.05F, 1.2F)(rng);
    return vector_near(rng, centres_[rng() % centres_.size()], spread);
  }

 private:
  std::vector<std::vector<float>> centres_;
};

}  // namespace ferro::node::index
