// Every message comes back as it went, in every version of the protocol, and no part of it decodes by chance.
#include <gtest/gtest.h>

#include "fields_of.h"
#include "node/cluster/wire/codec.h"
#include "samples.h"

namespace ferro::node::cluster {
namespace {

constexpr uint64_t kSeeds = 200;

// What a peer of that version cannot be told.
template <typename M>
void forget_later(M& /*message*/, uint16_t /*version*/) {}
void forget_later(LookupMessage& message, uint16_t version) {
  if (version < 2) message.count = true;
}
void forget_later(DigestsReply& message, uint16_t version) {
  if (version >= 2) return;
  for (DigestsReply::Item& item : message.differing) {
    for (NamespaceDigest& digest : item.namespaces) digest.tombstones = 0;
  }
}
void forget_later(TopEntriesReply& message, uint16_t version) {
  if (version >= 3) return;
  for (auto& [name, entries] : message.namespaces) {
    for (store::TopEntry& entry : entries) entry.version = {};
  }
}
void forget_later(GossipAck& message, uint16_t version) {
  if (version < 3) message.wall_ms = 0;
}

template <typename M>
size_t fields_that_differ_from_default(const M& message, std::vector<bool>& seen) {
  const M fresh{};
  const auto mark = [&seen](const auto& a, const auto& b) {
    size_t at = 0;
    std::apply(
        [&](const auto&... x) {
          std::apply(
              [&](const auto&... y) {
                seen.resize(sizeof...(x));
                ((seen[at] = seen[at] || !Same::equal(x, y), ++at), ...);
              },
              b);
        },
        a);
  };
  mark(fields_of(message), fields_of(fresh));
  return seen.size();
}

TEST(RoundTrip, EveryMessageComesBackFieldByField) {
  for_each_message([]<typename M>(const char* name) {
    std::vector<bool> filled;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      const M message = Samples(seed).make<M>();
      fields_that_differ_from_default(message, filled);
      const std::string bytes = encode(message);
      const Result<M> back = decode<M>(bytes);
      ASSERT_TRUE(back.ok()) << back.status().to_string();
      ASSERT_TRUE(same(*back, message));
      ASSERT_EQ(encode(*back), bytes);
    }
    for (size_t field = 0; field < filled.size(); ++field) {
      EXPECT_TRUE(filled[field]) << name << ": the samples never fill field " << field;
    }
  });
}

TEST(RoundTrip, EarlierVersionsLoseOnlyWhatTheyLack) {
  for (uint16_t version = kProtocolVersionMin; version < kProtocolVersion; ++version) {
    bool differed = false;
    for_each_message([&differed, version]<typename M>(const char* name) {
      for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(std::string(name) + ", version " + std::to_string(version) + ", seed " +
                     std::to_string(seed));
        M message = Samples(seed).make<M>();
        const std::string bytes = encode(message, version);
        differed = differed || bytes != encode(message);
        const Result<M> back = decode<M>(bytes);
        ASSERT_TRUE(back.ok()) << back.status().to_string();
        forget_later(message, version);
        ASSERT_TRUE(same(*back, message));
        ASSERT_EQ(encode(message), bytes);
      }
    });
    EXPECT_TRUE(differed) << version;
  }
}

// Sizes at which a field of the message ends.
std::vector<bool> borders_of(const std::string& bytes) {
  std::vector<bool> borders(bytes.size() + 1);
  ByteReader in(as_bytes(bytes));
  while (!in.done()) {
    borders[bytes.size() - in.left()] = true;
    in.varint();
    in.text();
  }
  return borders;
}

TEST(RoundTrip, CutInsideAFieldItIsRefused) {
  for_each_message([]<typename M>(const char* name) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const std::string bytes = encode(Samples(seed).make<M>());
      const std::vector<bool> borders = borders_of(bytes);
      for (size_t size = 0; size < bytes.size(); ++size) {
        SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed) + ", cut at " +
                     std::to_string(size));
        const Result<M> back = decode<M>(std::string_view(bytes).substr(0, size));
        if (back.ok()) {
          ASSERT_TRUE(borders[size]);  // the fields behind are at their defaults
        } else {
          ASSERT_EQ(back.status().code(), StatusCode::invalid_argument);
          ASSERT_FALSE(back.status().message().empty());
        }
      }
    }
  });
}

// Fields of a later version stand behind the known ones of a message, and may be anything.
TEST(RoundTrip, FieldsOfLaterVersionsAreSkipped) {
  for_each_message([]<typename M>(const char* name) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      const M message = Samples(seed).make<M>();
      std::string bytes = encode(message);
      ByteWriter later(bytes);
      for (const uint64_t tag : {100, 100, 2000}) {
        later.varint(tag);
        later.text("whatever \xff it may be");
      }
      const Result<M> back = decode<M>(bytes);
      ASSERT_TRUE(back.ok()) << back.status().to_string();
      ASSERT_TRUE(same(*back, message));
    }
  });
}

TEST(RoundTrip, RandomDamageNeverYieldsWhatCannotBeEncodedAgain) {
  for_each_message([]<typename M>(const char* name) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Samples samples(seed);
      std::string bytes = encode(samples.make<M>());
      if (bytes.empty()) continue;
      for (uint64_t flips = 1 + samples.number(3); flips > 0; --flips) {
        bytes[samples.number(bytes.size() - 1)] = static_cast<char>(samples.number(255));
      }
      const Result<M> back = decode<M>(bytes);
      if (!back.ok()) continue;
      const std::string again = encode(*back);
      ASSERT_LE(again.size(), bytes.size() + sizeof(float));
      const Result<M> third = decode<M>(again);
      ASSERT_TRUE(third.ok()) << third.status().to_string();
      ASSERT_TRUE(same(*third, *back));
    }
  });
}

}  // namespace
}  // namespace ferro::node::cluster
