// Certificates in files that are replaced while nodes use them.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "node/security/peer_tls.h"
#include "tests/fakes/certificates.h"
#include "tests/unit/node/cluster/tcp/tcp_fixture.h"

namespace ferro::node::cluster {

class CertificateFolder {
 public:
  CertificateFolder() {
    std::string pattern = testing::TempDir() + "peers_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~CertificateFolder() { std::filesystem::remove_all(folder_); }
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;

  void trust(const std::string& anchors) const { write("ca.pem", anchors); }
  void identify(const fakes::Pem& leaf) const {
    write("node.pem", leaf.certificate);
    write("node.key", leaf.key);
  }
  std::unique_ptr<security::PeerTls> open() const {
    auto opened = security::PeerTls::open({path("ca.pem"), path("node.pem"), path("node.key")});
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return std::move(*opened);
  }

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name) + ".new", std::ios::binary) << content;
    std::filesystem::rename(path(name) + ".new", path(name));
  }
  std::filesystem::path folder_;
};

}  // namespace ferro::node::cluster
