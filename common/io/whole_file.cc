#include <string>

#include "common/io/file_system.h"

namespace ferro::io {
namespace {

Status write_new(FileSystem& fs, const std::string& path, Bytes content) {
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs.open(path, OpenMode::create_empty));
  FERRO_RETURN_IF_ERROR(file->write_at(0, content));
  return file->sync_data();
}

}  // namespace

Result<std::string> read_file(FileSystem& fs, const std::string& path, size_t bytes_max) {
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs.open(path, OpenMode::read));
  std::string content;  // one byte more than allowed tells "too large" without asking for the size first
  FERRO_RETURN_IF_ERROR(file->read_at(0, bytes_max + 1, content));
  if (content.size() > bytes_max) {
    return Status(StatusCode::too_large, path + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return content;
}

Status write_file_atomically(FileSystem& fs, const std::string& path, Bytes content) {
  const std::string temporary = path + ".tmp";
  Status status = write_new(fs, temporary, content);
  if (status.ok()) status = fs.rename(temporary, path);
  if (!status.ok()) {
    const Status ignored = fs.remove(temporary);  // the first error is the one to report
    return status;
  }
  const size_t slash = path.rfind('/');
  return fs.sync_directory(slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace ferro::io
