#include "operator/k8s/access_files.h"

#include <sys/stat.h>

#include "common/io/small_file.h"

namespace ferro::oper::k8s {
namespace {

constexpr size_t kFileBytesMax = 1U << 20;  // the largest trust bundles in use are a quarter of it

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

// A header's value; anything else in it would be another header.
bool is_header_value(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

}  // namespace

WatchedFile::Stamp WatchedFile::stamp() const {
  struct stat facts {};
  if (::stat(path_.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, facts.st_size,
          int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

Result<std::string> WatchedFile::content(bool again) {
  // Before reading: a change in between is then seen by the next call.
  const Stamp now = stamp();
  if (was_read_ && !again && now == read_at_) return std::string(content_.reveal());
  Result<std::string> read = io::read_small_file(path_, kFileBytesMax);
  if (read.ok() && !read->empty()) {
    content_ = Secret(read.value());
    read_at_ = now;
    was_read_ = true;
  } else if (!was_read_) {
    if (read.ok()) return Status::invalid(path_ + " is empty");
    return read.status();
  }
  return std::string(content_.reveal());
}

AccessFiles::AccessFiles(const Access& access)
    : access_(access),
      token_file_(access.token_file),
      ca_file_(access.ca_file),
      certificate_file_(access.certificate_file),
      key_file_(access.key_file) {}

Result<Secret> AccessFiles::token(bool again) {
  const std::lock_guard lock(mutex_);
  std::string value(access_.token.reveal());
  if (!access_.token_file.empty()) {
    Result<std::string> content = token_file_.content(again);
    if (!content.ok()) return content.status().with_context("token");
    value = std::move(content).value();
  }
  value = trimmed(value);
  if (!is_header_value(value)) return Status::invalid("token: it holds characters that no token has");
  return Secret(std::move(value));
}

Result<TlsMaterial> AccessFiles::read_tls() {
  TlsMaterial material;
  material.verify = !access_.insecure_skip_tls_verify;
  material.server_name = access_.server_name.empty() ? access_.server.host : access_.server_name;
  material.server_name_is_address = access_.server_name.empty() && access_.server.host_is_address;
  material.anchors_pem = access_.ca_pem;
  material.certificate_pem = access_.certificate_pem;
  material.key_pem = access_.key_pem;
  if (!access_.ca_file.empty() && material.anchors_pem.empty()) {
    FERRO_ASSIGN_OR_RETURN(material.anchors_pem, ca_file_.content());
  }
  if (!access_.certificate_file.empty() && material.certificate_pem.empty()) {
    FERRO_ASSIGN_OR_RETURN(material.certificate_pem, certificate_file_.content());
  }
  if (!access_.key_file.empty() && material.key_pem.empty()) {
    FERRO_ASSIGN_OR_RETURN(std::string key, key_file_.content());
    material.key_pem = Secret(std::move(key));
  }
  return material;
}

Result<std::shared_ptr<const TlsMaterial>> AccessFiles::tls() {
  const std::lock_guard lock(mutex_);
  Result<TlsMaterial> now = read_tls();
  if (!now.ok()) return now.status();
  if (tls_ != nullptr && *tls_ == now.value()) return tls_;
  // Certificate and key are replaced one after the other: until they fit, what was good stays.
  if (const Status usable = check_tls(now.value()); !usable.ok()) {
    if (tls_ == nullptr) return usable;
    return tls_;
  }
  tls_ = std::make_shared<const TlsMaterial>(std::move(now).value());
  return tls_;
}

Status AccessFiles::check() {
  if (const Result<Secret> token_now = token(); !token_now.ok()) return token_now.status();
  if (!access_.server.tls) return {};
  return tls().status();
}

}  // namespace ferro::oper::k8s
