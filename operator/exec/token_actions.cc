#include "operator/api/names.h"
#include "operator/exec/key_actions.h"
#include "operator/pki/tokens.h"

namespace ferro::oper::exec {
namespace {

using Live = std::optional<k8s::Json>;

struct Held {
  Live secret;
  pki::Tokens tokens;  // none if the Secret is absent
};

std::variant<Held, Outcome> read_tokens(SecretEditor& secrets, const std::string& name) {
  auto read = secrets.read(name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  Held held{std::get<Live>(std::move(read)), {}};
  if (!held.secret) return held;
  auto tokens = pki::read_tokens(*held.secret);
  if (!tokens.ok()) return Outcome::failed(tokens.status().with_context("Secret " + name));
  held.tokens = std::move(tokens).value();
  return held;
}

}  // namespace

Outcome KeyActions::perform(const plan::MintToken& action) {
  const std::string name = api::token_secret(cluster_.name);
  auto read = read_tokens(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  if (held.tokens.newest_generation() >= action.generation) return Outcome::nothing();
  const auto made = pki::minted(held.tokens, action.generation, action.rotated_generation, now_unix_);
  if (!made.ok()) return Outcome::failed(made.status());
  return secrets_.write(name, held.secret, pki::content_of(*made));
}

Outcome KeyActions::perform(const plan::SwitchToken& action) {
  const std::string name = api::token_secret(cluster_.name);
  auto read = read_tokens(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  const pki::Tokens& tokens = held.tokens;
  if (tokens.newest_generation() != action.generation || tokens.current_generation() == action.generation) {
    return Outcome::nothing();
  }
  const auto made = pki::switched(tokens, now_unix_);
  if (!made.ok()) return Outcome::failed(made.status());
  return secrets_.write(name, held.secret, pki::content_of(*made));
}

Outcome KeyActions::perform(const plan::DropOldToken& action) {
  const std::string name = api::token_secret(cluster_.name);
  auto read = read_tokens(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  const pki::Tokens& tokens = held.tokens;
  if (tokens.current_generation() != action.generation || tokens.newest_generation() != action.generation ||
      tokens.accepted.size() <= 1) {
    return Outcome::nothing();
  }
  const auto made = pki::dropped(tokens);
  if (!made.ok()) return Outcome::failed(made.status());
  return secrets_.write(name, held.secret, pki::content_of(*made));
}

}  // namespace ferro::oper::exec
