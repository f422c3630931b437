// The planner's times and figures, each with its reason. Seconds unless the name says otherwise.
#pragma once

#include <cstdint>

namespace ferro::oper::plan {

// A kubelet brings a changed Secret into a mounted volume within its sync period and its cache's time.
inline constexpr int64_t kSecretSpreadS = 2 * 60;
// Certificates are valid from so long before they are made: clocks differ by some minutes.
inline constexpr int64_t kBackdateS = 300;
// The node looks at what the kubelet brought every two seconds. A pod that tells nothing and is not ready is
// given this long, several times that, to have loaded what was published; it reads what is in force when it
// starts anew.
inline constexpr int64_t kSilentPatienceS = 15 * 60;
// A healthy node is ready seconds after its pod is made; images may have to be pulled. Until then a pod is
// said to be starting, afterwards to be not ready.
inline constexpr int64_t kStartingS = 120;
// A node that answers that it is not ready, copies nothing and has been up for this long will not become
// ready by itself: a pod on another template may be replaced even if the others are not well.
inline constexpr int64_t kStuckS = 300;
// A token is in use if a node has seen it in this time: as long as auth.overlap, within these bounds. Clients
// with pooled connections send it with every request; who asks for a short overlap does not want to wait a
// minute for nobody.
inline constexpr int64_t kTokenUnusedMinS = 15;
inline constexpr int64_t kTokenUnusedMaxS = 60;
// The former token is dropped at the latest after so many overlaps, used or not, but never before
// kDropAnywayMinS: clients learn of the new one through their own kubelet.
inline constexpr int64_t kOverlapsAtMost = 10;
inline constexpr int64_t kDropAnywayMinS = 600;
// A StatefulSet's controller makes a claim and its pod in one go: a pod that is younger than its claim by
// more than this is not the first on that volume.
inline constexpr int64_t kFirstPodS = 60;
// Most drivers grow a file system under a running pod within seconds of FileSystemResizePending; only those
// that do not need the pod's restart.
inline constexpr int64_t kOnlineResizeS = 120;
// Below these a ratio says nothing: a snapshot of a small log saves nothing.
inline constexpr int64_t kCompactionLogBytesMin = int64_t{64} << 20;
inline constexpr int64_t kCompactionDeadMin = 10'000;
// Autoscaling down begins when both figures are below this share of their targets, so that one node fewer
// does not bring them above.
inline constexpr double kScaleDownShare = 0.7;

// When to look again: an action's effect shows in the caches; something under way moves within seconds; a
// cluster at rest is looked at for what no watch tells (a node's own word).
inline constexpr int64_t kLookAfterActionMs = 1'000;
inline constexpr int64_t kLookUnderWayMs = 3'000;
inline constexpr int64_t kLookAtRestMs = 30'000;

}  // namespace ferro::oper::plan
