// The fields of every struct that travels, for comparing two of them: a structured binding names them all, so
// a field that somebody adds stops this from compiling until the codec and its tests know it.
#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "node/cluster/wire/messages.h"

// NOLINTBEGIN(cppcoreguidelines-macro-usage): the binding needs the names
#define FERRO_FIELDS(Type, ...)              \
  inline auto fields_of(const Type& whole) { \
    const auto& [__VA_ARGS__] = whole;       \
    return std::tie(__VA_ARGS__);            \
  }
// NOLINTEND(cppcoreguidelines-macro-usage)

namespace ferro::node::cluster {

FERRO_FIELDS(Hello, a, b, c, d, e, f, g)
FERRO_FIELDS(GossipDigest, a, b, c, d, e)
FERRO_FIELDS(GossipValue, a, b, c, d)
FERRO_FIELDS(GossipDelta, a, b, c, d, e, f, g, h)
FERRO_FIELDS(GossipSyn, a, b)
FERRO_FIELDS(GossipAck, a, b, c)
FERRO_FIELDS(GossipAck2, a)
FERRO_FIELDS(LookupMessage, a, b, c, d, e, f, g, h, i)
FERRO_FIELDS(store::Hit, a, b, c, d, e, f, g, h, i, j, k)
FERRO_FIELDS(engine::LookupResult, a, b, c)
FERRO_FIELDS(LookupReply, a)
FERRO_FIELDS(FindMessage, a, b, c, d)
FERRO_FIELDS(store::EntryView, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
FERRO_FIELDS(FindReply, a)
FERRO_FIELDS(InsertMessage, a)
FERRO_FIELDS(ItemReply, a, b)
FERRO_FIELDS(InsertReply, a)
FERRO_FIELDS(RemoveMessage, a, b, c)
FERRO_FIELDS(DropNamespaceMessage, a, b)
FERRO_FIELDS(CountReply, a)
FERRO_FIELDS(InvalidateMessage, a, b, c)
FERRO_FIELDS(engine::InvalidateRequest::Radius, a, b, c)
FERRO_FIELDS(IdsReply, a)
FERRO_FIELDS(ListNamespacesMessage, a, b, c, d, e)
FERRO_FIELDS(ListNamespacesReply, a)
FERRO_FIELDS(store::NamespaceStats, a, b, c, d, e, f, g, h, i, j)
FERRO_FIELDS(TopEntriesMessage, a, b, c, d)
FERRO_FIELDS(store::TopEntry, a, b, c, d, e)
FERRO_FIELDS(TopEntriesReply, a)
FERRO_FIELDS(CountEntriesMessage, a, b)
FERRO_FIELDS(ApplyMessage, a)
FERRO_FIELDS(ApplyReply, a)
FERRO_FIELDS(DigestsMessage::Item, a, b, c)
FERRO_FIELDS(DigestsMessage, a, b)
FERRO_FIELDS(NamespaceDigest, a, b, c, d, e)
FERRO_FIELDS(DigestsReply::Item, a, b, c, d)
FERRO_FIELDS(DigestsReply, a, b)
FERRO_FIELDS(VersionsMessage, a, b, c, d)
FERRO_FIELDS(EntryVersion, a, b, c)
FERRO_FIELDS(VersionsReply, a, b)
FERRO_FIELDS(FetchMessage, a, b)
FERRO_FIELDS(FetchReply, a)
FERRO_FIELDS(store::AccessCount, a, b)
FERRO_FIELDS(AccessesMessage::OfNamespace, a, b)
FERRO_FIELDS(AccessesMessage, a)

// The table of splits travels as its fingerprint, beside the request.
inline auto fields_of(const store::Selector& whole) {
  const auto& [a, b, c, d, splits] = whole;
  return std::tie(a, b, c, d);
}

// The tag that follows a write through an engine, until when it may be decided and its part of the cap mean
// something in one process only.
inline auto fields_of(const engine::InsertRequest& whole) {
  const auto& [a, b, c, d, e, f, g, h, i, j, tag, decide_by, shard] = whole;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
inline auto fields_of(const engine::RemoveRequest& whole) {
  const auto& [a, b, c, tag, decide_by, d, splits] = whole;
  return std::tie(a, b, c, d);
}
inline auto fields_of(const engine::InvalidateRequest& whole) {
  const auto& [a, b, c, tag, decide_by, ids_max, d, splits] = whole;
  return std::tie(a, b, c, d);
}

#undef FERRO_FIELDS

struct Same {
  template <typename T>
  static bool equal(const T& x, const T& y) {
    if constexpr (requires { fields_of(x); }) {
      return equal_fields(fields_of(x), fields_of(y));
    } else {
      return x == y;
    }
  }
  template <typename T>
  static bool equal(const std::vector<T>& x, const std::vector<T>& y) {
    if (x.size() != y.size()) return false;
    for (size_t i = 0; i < x.size(); ++i) {
      if (!equal(x[i], y[i])) return false;
    }
    return true;
  }
  template <typename T>
  static bool equal(const std::optional<T>& x, const std::optional<T>& y) {
    return x.has_value() == y.has_value() && (!x || equal(*x, *y));
  }
  template <typename T, typename U>
  static bool equal(const std::pair<T, U>& x, const std::pair<T, U>& y) {
    return equal(x.first, y.first) && equal(x.second, y.second);
  }
  template <typename... T>
  static bool equal_fields(const std::tuple<T...>& x, const std::tuple<T...>& y) {
    return each(x, y, std::index_sequence_for<T...>());
  }

 private:
  template <typename Tuple, size_t... I>
  static bool each(const Tuple& x, const Tuple& y, std::index_sequence<I...> /*all*/) {
    return (equal(std::get<I>(x), std::get<I>(y)) && ...);
  }
};

// Field by field, nested ones included.
template <typename M>
bool same(const M& x, const M& y) {
  return Same::equal(x, y);
}

}  // namespace ferro::node::cluster
