// Answers what other nodes ask when they compare and move copies: digests, versions, fetch and apply.
//
// Owned by Syncer, on the loop. The store is read on worker threads; every answer is bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "node/cluster/peers/peers.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/wire/messages.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

class SyncServer {
 public:
  // What this node may be taken for.
  struct Standing {
    // Its copies are whole: that it lacks something and has given up its tombstone says that it was deleted.
    bool complete = false;
    // Entries stamped up to here may have been deleted while it was away for longer than tombstones are kept:
    // nobody may take them from it. 0 = none.
    int64_t doubtful_upto_ms = 0;
    // What it may be asked by: the tables of the rings that it knows, that of the ring in force first.
    std::vector<std::shared_ptr<const model::SplitTable>> splits = {};
  };

  // Told for each partition that a peer compares, on the loop.
  using OnAsked = std::function<void(const NodeId& peer, uint16_t partition, bool same)>;

  SyncServer(engine::Engine& engine, Loop& loop, OnAsked on_asked)
      : engine_(engine), loop_(loop), on_asked_(std::move(on_asked)) {}
  void stop() { life_.reset(); }
  void set_standing(Standing standing) { standing_ = std::move(standing); }

  // False if the type is none of these.
  bool on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                  const RespondFn& respond);

 private:
  struct Life {};

  template <typename Reply>
  void answer(std::function<Result<Reply>(const store::Store&)> work, uint16_t version,
              const RespondFn& respond);
  std::shared_ptr<const model::SplitTable> splits_of(uint64_t fingerprint) const;
  void note_asked(const NodeId& from, const DigestsMessage& message);
  void on_digests(DigestsMessage message, uint16_t version, const RespondFn& respond);
  void on_versions(VersionsMessage message, uint16_t version, const RespondFn& respond);
  void on_fetch(FetchMessage message, uint16_t version, const RespondFn& respond);
  void on_apply(ApplyMessage message, uint16_t version, const RespondFn& respond);

  engine::Engine& engine_;
  Loop& loop_;
  OnAsked on_asked_;
  Standing standing_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace ferro::node::cluster
