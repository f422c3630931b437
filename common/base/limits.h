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

// --- write-ahead log ---
inline constexpr size_t kWalPayloadBytesMax = size_t{1} << 30;       // the largest legal body makes smaller records
inline constexpr size_t kWalSegmentBytesMin = 1024;                  // below, frames would outweigh records

}  // namespace ferro::limits
