#include "common/io/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ferro::io {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Result<std::string> read_small_file(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Status::from_errno(errno, "cannot open " + path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return Status::from_errno(errno, "cannot look at " + path);
  if (!S_ISREG(info.st_mode)) return Status::io_error(path + " is not a regular file");

  std::string content;
  std::array<char, 16'384> part;
  while (true) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::from_errno(errno, "cannot read " + path);
    if (got == 0) return content;
    if (content.size() + static_cast<size_t>(got) > bytes_max) {
      return Status(StatusCode::too_large, path + " is larger than " + std::to_string(bytes_max) + " bytes");
    }
    content.append(part.data(), static_cast<size_t>(got));
  }
}

}  // namespace ferro::io
