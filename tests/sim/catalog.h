// What clients write: the namespaces, and what each write holds, so that any answer tells which write it
// shows. Owned by the clients.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/engine/engine.h"
#include "tests/fakes/timeline.h"
#include "tests/sim/model.h"

namespace ferro::sim {

inline constexpr size_t kDimension = 8;

std::vector<float> random_vector(fakes::Chance& chance);
// At a cosine of about 0.97 to 0.999.
std::vector<float> near_to(const std::vector<float>& vector, fakes::Chance& chance);

struct Written {
  uint32_t number = 0;
  EntryName entry;
  std::vector<float> vector;
  std::string query_text, tag;
};

class Catalog {
 public:
  // Base namespaces and conversations of each, over two models.
  explicit Catalog(size_t scopes);

  const std::vector<node::model::NamespaceKey>& namespaces() const noexcept { return namespaces_; }
  std::optional<size_t> index_of(const node::model::NamespaceKey& ns) const;
  size_t base_of(size_t ns) const { return *index_of(namespaces_[ns].base()); }

  // A new write of this request; the same number may write several entries.
  // An empty id: the server makes one, which name() tells when it is known.
  const Written& write(uint32_t number, EntryName entry, fakes::Chance& chance);
  void name(uint32_t number, const std::string& id);
  node::engine::InsertRequest request_of(const Written& written) const;
  // The write that an answer shows; nothing if no client wrote it there.
  const Written* shown(std::string_view response, std::string_view id) const;
  const std::deque<Written>& all() const noexcept { return written_; }

 private:
  std::vector<node::model::NamespaceKey> namespaces_;
  std::deque<Written> written_;  // references stay good
};

}  // namespace ferro::sim
