// What clients did to each entry and what they were told, and from that what anybody may see of it: the
// oracle of the simulator.
//
// Deeds are ordered where they must be: one that was over before another began comes before it. Exactly: `a`
// was decided at the latest when its answer came (or, if the client was left in doubt, at the next calm), `b`
// at the earliest when it was asked for, and stamps of the second are higher if a calm lay in between, or
// both fell into one orderly period, or more time than the clocks ever differ and stamps are ahead of them.
// All else counts as simultaneous and may come in either order.
//
// Owned by the world; one thread. Times in virtual microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/model/namespace_key.h"
#include "tests/sim/calm.h"

namespace ferro::sim {

enum class Act : uint8_t { put, remove, drop, invalidate };

// done: it happened. nothing: not found. doubt: it may have happened or may happen yet.
enum class Outcome : uint8_t { pending, done, nothing, doubt };

struct Deed {
  uint32_t number = 0;  // of the request; what a put writes can be told by it
  Act act = Act::put;
  Outcome outcome = Outcome::pending;
  // A removal after which nothing older may be seen, however it was decided; otherwise it may have missed
  // some.
  bool sweeping = false;
  int64_t invoked_us = 0, answered_us = -1;
  int64_t latest_us = kNever;  // when it was decided at the latest
  int64_t ttl_ms = 0;
  std::string machine, answer;

  static constexpr int64_t kNever = INT64_MAX;
};

struct EntryName {
  size_t ns = 0;
  std::string id;
  friend auto operator<=>(const EntryName&, const EntryName&) = default;
};

class Model {
 public:
  explicit Model(const Calm& calm) : calm_(calm) {}

  // --- what happens; a request may be about several entries ---
  void begin(const EntryName& entry, Deed deed);
  // Of all entries of the namespaces that exist.
  void begin_all(const std::vector<size_t>& namespaces, const Deed& deed);
  // `sweeping_for`: of an invalidation, those whose removal it listed.
  void end(uint32_t number, Outcome outcome, int64_t now_us, bool sweeping, const std::string& answer,
           const std::set<std::string>* sweeping_for = nullptr);
  // Calm: whatever was in doubt is decided by now.
  void settle(int64_t now_us);
  void note_clock_difference(int64_t by_ms);
  // What is decided between these times may be stamped as late as the second.
  void note_stamps_ahead(int64_t from_us, int64_t until_us) { ahead_.push_back({from_us, until_us}); }
  void set_lag_ms(int64_t lag_ms) { lag_ms_ = lag_ms; }  // how late copies may be even in order

  // --- what may be seen; empty = all right, else what is wrong ---
  // Somebody who asked and was answered then saw this put (0: no entry). `orderly`: nothing but planned
  // changes was going on; otherwise only what was over before the last calm counts, and nothing need be
  // there.
  std::string judge(const EntryName& entry, uint32_t seen, int64_t from_us, int64_t to_us,
                    bool orderly) const;
  // The put that everybody must see then, 0 if none or not certain.
  uint32_t certain(const EntryName& entry, int64_t from_us, int64_t to_us) const;
  bool certainly_absent(const EntryName& entry, int64_t from_us, int64_t to_us) const;

  // Nobody else did anything to it since then: `own` requests did, and none before them is under way.
  bool untouched(const EntryName& entry, int64_t since_us, size_t own) const;
  bool may_expire(const EntryName& entry, int64_t upto_us) const;

  std::vector<EntryName> entries() const;
  std::string history(const EntryName& entry) const;
  size_t deeds() const noexcept { return deeds_; }

 private:
  struct Entry {
    std::vector<Deed> deeds;
  };
  // What was done to a whole namespace is kept under no id, for entries that are made later.
  Entry& entry_of(const EntryName& name);

  int64_t latest_stamp_of(const Deed& deed) const;
  bool before(const Deed& a, const Deed& b) const;
  bool superseded(const Entry& entry, const Deed& put, int64_t by_us) const;
  bool may_have_expired(const Deed& put, int64_t at_us) const;
  bool has_expired(const Deed& put, int64_t at_us) const;
  bool may_be_absent(const Entry& entry, int64_t from_us, int64_t to_us) const;

  const Calm& calm_;
  std::map<EntryName, Entry> entries_;
  std::map<uint32_t, std::vector<EntryName>> touched_;  // by requests under way
  std::set<EntryName> in_doubt_;
  int64_t clock_difference_us_ = 0, lag_ms_ = 0;
  struct Ahead {
    int64_t from_us, until_us;
  };
  std::vector<Ahead> ahead_;
  size_t deeds_ = 0;
};

}  // namespace ferro::sim
