// Private to common/io: an owned file descriptor and the File made from one.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "common/io/file_system.h"

namespace ferro::io {

// Closes what it owns. Movable, one owner.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const noexcept { return number_; }

 private:
  int number_;
};

// open(2), close-on-exec; `mode` counts when the flags create.
Result<Descriptor> open_descriptor(const std::string& path, int flags, mode_t mode);
std::unique_ptr<File> make_posix_file(Descriptor descriptor, std::string path);

}  // namespace ferro::io
