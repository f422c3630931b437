#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/io/descriptor.h"

namespace ferro::io {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Descriptor> open_descriptor(const std::string& path, int flags, mode_t mode) {
  int number = -1;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return Status::from_errno(errno, "open " + path);
  return Descriptor(number);
}

namespace {

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Status write_at(uint64_t offset, Bytes data) override {
    while (!data.empty()) {
      const ssize_t written =
          ::pwrite(descriptor_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed(errno, "write", offset);
      if (written == 0) return failed(EIO, "write", offset);  // no progress: do not spin
      offset += static_cast<uint64_t>(written);
      data = data.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Status read_at(uint64_t offset, size_t size, std::string& out) const override {
    // A size taken from a hostile file must not become an allocation: what the file holds is the bound.
    FERRO_ASSIGN_OR_RETURN(const uint64_t file_bytes, this->size());
    const uint64_t left = offset < file_bytes ? file_bytes - offset : 0;
    out.resize(static_cast<size_t>(std::min<uint64_t>(size, left)));
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          ::pread(descriptor_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed(errno, "read", offset + done);
      if (got == 0) break;  // cut off meanwhile
      done += static_cast<size_t>(got);
    }
    out.resize(done);
    return {};
  }

  Result<uint64_t> size() const override {
    struct stat info {};
    if (::fstat(descriptor_.get(), &info) != 0) return Status::from_errno(errno, "size of " + path_);
    return static_cast<uint64_t>(info.st_size);
  }

  Status truncate(uint64_t size) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return failed(errno, "truncate", size);
    return {};
  }

  Status sync_data() override {
    if (::fdatasync(descriptor_.get()) != 0) return Status::from_errno(errno, "sync " + path_);
    return {};
  }

 private:
  Status failed(int error, const char* verb, uint64_t offset) const {
    return Status::from_errno(error,
                              std::string(verb) + " " + path_ + " at offset " + std::to_string(offset));
  }

  Descriptor descriptor_;
  std::string path_;
};

}  // namespace

std::unique_ptr<File> make_posix_file(Descriptor descriptor, std::string path) {
  return std::make_unique<PosixFile>(std::move(descriptor), std::move(path));
}

}  // namespace ferro::io
