#include "node/app/security_files.h"

#include <string>
#include <utility>
#include <vector>

#include "common/obs/log.h"

namespace ferro::node::app {
namespace {

// Of tokens' generations in metrics: the newest; a rotation has two.
constexpr std::ptrdiff_t kGenerationsShown = 16;

std::vector<metrics::TokenUse> newest_uses(const security::TokenSet& tokens) {
  std::vector<metrics::TokenUse> uses;
  for (const security::GenerationUse& use : tokens.generations())
    uses.push_back({use.generation, use.last_used_unix});
  if (std::ssize(uses) > kGenerationsShown) uses.erase(uses.begin(), uses.end() - kGenerationsShown);
  return uses;
}

template <typename Source>
void look_at(const char* what, Source& source, bool asked) {
  const bool failed_before = source.last_poll_failed();
  const Result<bool> polled = source.poll();
  if (!polled.ok()) {
    if (!failed_before || asked)
      obs::error(std::string(what) + " could not be reloaded; the last good ones stay in force",
                 {{"reason", polled.status().message()}});
  } else if (*polled) {
    obs::info(std::string(what) + " reloaded");
  } else if (failed_before) {
    obs::info(std::string(what) + " are readable again, unchanged");
  }
}

}  // namespace

Result<std::unique_ptr<SecurityFiles>> SecurityFiles::open(const config::Config& config) {
  auto files = std::make_unique<SecurityFiles>();
  FERRO_ASSIGN_OR_RETURN(files->tokens_,
                         security::TokenSource::open(config.auth_token, config.auth_token_file));
  if (!config.http.tls.cert_path.empty()) {
    const auto& tls = config.http.tls;
    FERRO_ASSIGN_OR_RETURN(files->public_tls_,
                           security::ServerTls::open({tls.cert_path, tls.key_path, tls.client_ca_path}));
  }
  if (config.cluster.tls.enabled) {
    const auto& tls = config.cluster.tls;
    FERRO_ASSIGN_OR_RETURN(
        files->peer_tls_, security::PeerTls::open({tls.ca_cert_path, tls.node_cert_path, tls.node_key_path}));
    FERRO_ASSIGN_OR_RETURN(
        files->internal_tls_,
        security::ServerTls::open({tls.node_cert_path, tls.node_key_path, tls.ca_cert_path, "cluster.tls"}));
  }
  return files;
}

std::optional<api::Certificate> SecurityFiles::public_certificate() const {
  if (!public_tls_) return std::nullopt;
  const security::CertificateFacts facts = public_tls_->certificate();
  return api::Certificate{facts.fingerprint_sha256, facts.not_after_unix};
}

cluster::Credentials SecurityFiles::credentials() const {
  cluster::Credentials credentials;
  credentials.token_generation = tokens_->current()->newest_generation();
  if (!peer_tls_) return credentials;
  const auto in_force = peer_tls_->current();
  credentials.certificate_fingerprint = in_force->certificate.fingerprint_sha256;
  credentials.certificate_not_after_unix = in_force->certificate.not_after_unix;
  for (const crypto::CertificateFacts& anchor : in_force->anchors)
    credentials.trusted_fingerprints.push_back(anchor.fingerprint_sha256);
  return credentials;
}

void SecurityFiles::add_to(metrics::Sources& sources) const {
  sources.certificate_not_after_unix = [this] {
    return public_tls_ ? public_tls_->certificate().not_after_unix : int64_t{0};
  };
  sources.certificate_reload_failed = [this] { return public_tls_ && public_tls_->last_poll_failed(); };
  sources.node_certificate_not_after_unix = [this] { return credentials().certificate_not_after_unix; };
  sources.node_certificate_reload_failed = [this] {
    return peer_tls_ && (peer_tls_->last_poll_failed() || internal_tls_->last_poll_failed());
  };
  sources.tokens = [this] { return uint64_t{tokens_->current()->size()}; };
  sources.token_generation = [this] { return tokens_->current()->newest_generation(); };
  sources.token_uses = [this] { return newest_uses(*tokens_->current()); };
  sources.token_reloads = [this] { return tokens_->reloads(); };
  sources.token_reload_failed = [this] { return tokens_->last_poll_failed(); };
}

void SecurityFiles::poll(bool asked) {
  look_at("tokens", *tokens_, asked);
  if (public_tls_) look_at("certificates", *public_tls_, asked);
  if (!peer_tls_) return;
  look_at("the node's certificates", *peer_tls_, asked);
  look_at("the internal port's certificates", *internal_tls_, asked);
}

Result<std::vector<std::string>> check_files(const config::Config& config, const Clock& clock) {
  FERRO_ASSIGN_OR_RETURN(const auto files, SecurityFiles::open(config));
  std::vector<std::string> complaints;
  const int64_t now_unix = clock.wall_ms() / 1000;
  const auto look = [&](const char* key, const std::string& path, int64_t not_after_unix) {
    if (not_after_unix > now_unix) return;
    complaints.push_back(std::string(key) + ": the certificate in " + path +
                         " has expired, by this machine's clock; put a new one there");
  };
  if (files->public_tls() != nullptr)
    look("http.tls.cert_path", config.http.tls.cert_path, files->public_tls()->certificate().not_after_unix);
  if (files->peer_tls() != nullptr) {
    const auto in_force = files->peer_tls()->current();
    look("cluster.tls.node_cert_path", config.cluster.tls.node_cert_path,
         in_force->certificate.not_after_unix);
    for (const crypto::CertificateFacts& anchor : in_force->anchors)
      look("cluster.tls.ca_cert_path", config.cluster.tls.ca_cert_path, anchor.not_after_unix);
  }
  return complaints;
}

}  // namespace ferro::node::app
