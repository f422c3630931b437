// Every fixed bound of the product, with its reason. What an operator may want to change is configuration
// (node/config); what stands here follows from formats, from the contract or from arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferro::limits {

// --- the contract (docs/api.md) ---
inline constexpr size_t kDimensionMax = 4096;
inline constexpr size_t kModelIdBytesMax = 256;
inline constexpr size_t kScopeBytesMax = 256;
inline constexpr size_t kConversationBytesMax = 256;
inline constexpr size_t kIdBytesMax = 128;
inline constexpr size_t kTagsMax = 32;
inline constexpr size_t kTagBytesMax = 128;
inline constexpr size_t kAttributesMax = 16;
inline constexpr size_t kAttributeNameBytesMax = 64;
inline constexpr size_t kAttributeValueBytesMax = 1024;
inline constexpr size_t kTopKMax = 100;
inline constexpr int64_t kTtlSecondsMax = 315'360'000;  // ten years
inline constexpr float kSimilarityTolerance = 1e-6F;    // rounding of a unit vector's dot product
inline constexpr size_t kEntryStatsTop = 10;
inline constexpr size_t kPreviewCharactersMax = 50;

// --- requests ---
inline constexpr int kJsonDepthMax = 32;             // the deepest legal body nests four levels
inline constexpr size_t kPipelinedRequestsMax = 16;  // answers owed on one connection
inline constexpr size_t kRequestIdBytesMax = 128;

// --- nodes of a cluster ---
inline constexpr int64_t kClockSkewMaxMs = 60'000;  // a stamp further ahead is a broken clock: refused

// --- write-ahead log ---
inline constexpr size_t kWalPayloadBytesMax = size_t{1}
                                              << 30;  // the largest legal body makes smaller records
inline constexpr size_t kWalSegmentBytesMin = 1024;   // below, frames would outweigh records

// --- connections (node/http) ---
inline constexpr size_t kRequestLineBytesMax = 8192;  // the longest legal path needs about 2,400 escaped
inline constexpr size_t kReadBufferBytes =
    16'384;  // a 384-d request in one read; untouched pages cost nothing
inline constexpr size_t kChunkLineBytesMax = 4096;  // a chunk's size line or the trailers
inline constexpr size_t kWaitingAnswerBytesMax =
    1'048'576;  // unread answers before a connection runs no more
inline constexpr size_t kPipelinedBodyBytesMax =
    1'048'576;                                    // bodies that wait on one connection before reading pauses
inline constexpr uint64_t kBodyRateMin = 65'536;  // bytes a second a slow but honest peer must move
inline constexpr uint64_t kLingerSeconds = 5;     // for a peer still sending to notice the refusal
inline constexpr uint64_t kClosingNoteSeconds = 1;  // for a TLS peer to return the closing note
inline constexpr size_t kExchangesKept = 64;        // a core's idle request objects: no allocation when busy
inline constexpr size_t kKeptBodyBytesMax = 262'144;       // capacity such an object may keep
inline constexpr size_t kLargeBodyBytesMax = 536'870'912;  // of bodies above kKeptBodyBytesMax, together
inline constexpr size_t kGatheredBodyBytesMin =
    16'384;                                         // smaller bodies are copied beside their header block
inline constexpr size_t kGzipBytesMin = 8192;       // below it the bytes saved do not pay for the time
inline constexpr size_t kGzipBytesMax = 4'194'304;  // above it one answer would hold its core for over 50 ms

// --- answers (node/api) ---
inline constexpr size_t kBatchAnswerBytesMax = 64U
                                               << 20;   // beyond it the items left of a query batch are 413
inline constexpr size_t kBatchLookupsMax = 64;          // of one batch under way: hides a hop, fills no queue
inline constexpr size_t kNamespacesListed = 1000;       // GET /namespaces without ?limit=
inline constexpr size_t kNamespacesListedMax = 10'000;  // one listing, /stats included: a few milliseconds

}  // namespace ferro::limits
