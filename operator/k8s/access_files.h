// The credentials of an Access as they stand now: files are read again when they changed.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "operator/k8s/credentials.h"
#include "operator/k8s/server_trust.h"

namespace ferro::oper::k8s {

// A file that others replace: read again when its place, size or time of change differ. What was read last
// stays in force while it cannot be read. Not thread-safe.
class WatchedFile {
 public:
  explicit WatchedFile(std::string path) : path_(std::move(path)) {}
  // The content; `again` reads it whatever the file system says. The failed Status only if it never was read.
  Result<std::string> content(bool again = false);

 private:
  struct Stamp {
    uint64_t device = 0, inode = 0;
    int64_t size = -1, changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Stamp stamp() const;

  const std::string path_;
  Stamp read_at_;
  bool was_read_ = false;
  Secret content_;
};

// Thread-safe.
class AccessFiles {
 public:
  explicit AccessFiles(const Access& access);
  // Everything can be read and used.
  Status check();
  // Empty = none.
  Result<Secret> token(bool again = false);
  // The same pointer for as long as nothing changed.
  Result<std::shared_ptr<const TlsMaterial>> tls();

 private:
  Result<TlsMaterial> read_tls();  // mutex_ held

  const Access access_;
  std::mutex mutex_;
  WatchedFile token_file_, ca_file_, certificate_file_, key_file_;
  std::shared_ptr<const TlsMaterial> tls_;
};

}  // namespace ferro::oper::k8s
