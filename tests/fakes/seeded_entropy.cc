// RAND_set_rand_method is marked as deprecated in favour of providers, which a test has no use for.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/fakes/seeded_entropy.h"

#include <openssl/rand.h>

#include "common/base/assert.h"
#include "tests/fakes/timeline.h"

namespace ferro::fakes {

namespace {

Chance chance{0};
bool in_use = false;

int draw(unsigned char* bytes, int count) {
  for (int i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(chance.next());
  return 1;
}

int ready() {
  return 1;
}

const RAND_METHOD kMethod{nullptr, draw, nullptr, nullptr, draw, ready};

}  // namespace

SeededEntropy::SeededEntropy(uint64_t seed) {
  FERRO_ASSERT(!in_use, "two seeds for one process");
  in_use = true;
  chance = Chance(seed);
  FERRO_ASSERT(RAND_set_rand_method(&kMethod) == 1, "OpenSSL takes no other generator");
}

SeededEntropy::~SeededEntropy() {
  RAND_set_rand_method(nullptr);
  in_use = false;
}

}  // namespace ferro::fakes
