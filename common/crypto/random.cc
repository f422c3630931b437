#include "common/crypto/random.h"

#include <openssl/rand.h>

#include "common/base/assert.h"

namespace ferro::crypto {

uint64_t random_u64() {
  uint64_t bits = 0;
  const int drawn = RAND_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits);
  FERRO_ASSERT(drawn == 1, "the random number generator must be seeded");
  return bits;
}

}  // namespace ferro::crypto
