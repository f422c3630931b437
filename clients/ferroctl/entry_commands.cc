// query, insert, get, delete, invalidate.
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "clients/ferroctl/commands.h"

namespace ferro::ferroctl {
namespace {

constexpr int64_t kTtlSecondsMax = 315'360'000;  // what nodes take

// What names an entry's place and vector; shared by commands that take them.
struct EntryWords {
  std::string model, scope, conversation, embedding, text;
  std::vector<std::string> attributes, tags;

  void add_namespace(CLI::App& command) {
    command.add_option("-m,--model", model, "model_id, as the application sends it");
    command.add_option("--scope", scope, "cache_scope (tenant)");
    command.add_option("--conversation", conversation, "conversation_id");
  }
  void add_embedding(CLI::App& command) {
    command.add_option("-e,--embedding", embedding,
                       "a JSON array of numbers, @FILE with one, or @- for standard input");
  }
  void add_attributes(CLI::App& command) {
    command.add_option("--attribute", attributes, "NAME=VALUE; may be given several times")
        ->allow_extra_args(false);
  }
};

Result<std::string> content_of(const std::string& word) {
  if (!word.starts_with('@')) return word;
  std::ostringstream content;
  if (word == "@-") {
    content << std::cin.rdbuf();
  } else {
    std::ifstream file(word.substr(1));
    if (!file) return Status::not_found("cannot read " + word.substr(1));
    content << file.rdbuf();
  }
  return content.str();
}

Status fill(const EntryWords& words, Json& body) {
  const auto put = [&body](const char* key, const std::string& value) {
    if (!value.empty()) body[key] = value;
  };
  put("model_id", words.model);
  put("cache_scope", words.scope);
  put("conversation_id", words.conversation);
  put("query_text", words.text);
  if (!words.embedding.empty()) {
    FERRO_ASSIGN_OR_RETURN(const std::string text, content_of(words.embedding));
    body["embedding"] = Json::parse(text, nullptr, false);
    if (!body["embedding"].is_array()) return Status::invalid("the embedding is no JSON array of numbers");
  }
  for (const std::string& attribute : words.attributes) {
    const size_t equals = attribute.find('=');
    if (equals == 0 || equals == std::string::npos) return Status::invalid("not NAME=VALUE: " + attribute);
    body["attributes"][attribute.substr(0, equals)] = attribute.substr(equals + 1);
  }
  if (!words.tags.empty()) body["tags"] = words.tags;
  return {};
}

void add_query(CLI::App& app, Session& session) {
  CLI::App* const query = app.add_subcommand("query", "look up; exit code 3 for a miss");
  const auto words = std::make_shared<EntryWords>();
  const auto threshold = std::make_shared<double>(-1);
  const auto top_k = std::make_shared<int>(1);
  words->add_namespace(*query);
  words->add_embedding(*query);
  words->add_attributes(*query);
  query->add_option("--text", words->text, "query_text: an equal text hits whatever the vector");
  query->add_option("--threshold", *threshold, "similarity that a hit needs; else the node's default")
      ->check(CLI::Range(0.0, 1.0));
  query->add_option("--top", *top_k, "how many matches")->check(CLI::Range(1, 100))->capture_default_str();
  query->get_option("--model")->required();
  query->get_option("--embedding")->required();
  on_connected(*query, session, [&session, words, threshold, top_k](HttpClient& client) -> Status {
    Json body{{"top_k", *top_k}};
    FERRO_RETURN_IF_ERROR(fill(*words, body));
    if (*threshold >= 0) body["threshold"] = *threshold;
    FERRO_ASSIGN_OR_RETURN(const Json answer, client.json("POST", "/query", body));
    session.negative = !answer.value("hit", false);
    Table table({"SIMILARITY", "EXACT", "ID", "QUESTION", "ANSWER"});
    const Json matches = answer.contains("matches") ? answer["matches"]
                         : session.negative         ? Json::array()
                                                    : Json::array({answer});
    for (const Json& match : matches) {
      table.add({cell(match, "similarity").substr(0, 6), cell(match, "exact_match"), cell(match, "id"),
                 one_line(match.value("query_text", ""), 40), one_line(match.value("response", ""), 60)});
    }
    print(session.output(), answer, session.negative ? "miss\n" : table.text());
    return {};
  });
}

void add_insert(CLI::App& app, Session& session) {
  CLI::App* const insert = app.add_subcommand("insert", "store an answer");
  const auto words = std::make_shared<EntryWords>();
  const auto response = std::make_shared<std::string>(), id = std::make_shared<std::string>();
  const auto ttl = std::make_shared<int64_t>(0);
  words->add_namespace(*insert);
  words->add_embedding(*insert);
  words->add_attributes(*insert);
  insert->add_option("--text", words->text, "the question");
  insert->add_option("--tag", words->tags, "may be given several times")->allow_extra_args(false);
  insert->add_option("-r,--response", *response, "the answer; @FILE, or @- for standard input")->required();
  insert->add_option("--id", *id, "replaces the entry of that id");
  insert->add_option("--ttl", *ttl, "seconds to live; 0 = the node's default")
      ->check(CLI::Range(int64_t{0}, kTtlSecondsMax));
  insert->get_option("--model")->required();
  insert->get_option("--embedding")->required();
  on_connected(*insert, session, [&session, words, response, id, ttl](HttpClient& client) -> Status {
    Json body{{"query_text", ""}};
    FERRO_RETURN_IF_ERROR(fill(*words, body));
    FERRO_ASSIGN_OR_RETURN(body["response"], content_of(*response));
    if (!id->empty()) body["id"] = *id;
    if (*ttl > 0) body["ttl_seconds"] = *ttl;
    FERRO_ASSIGN_OR_RETURN(const Json answer, client.json("POST", "/insert", body));
    print(session.output(), answer, cell(answer, "id") + "\n");
    return {};
  });
}

// Without a namespace an id means every entry of that id.
std::string entry_target(const EntryWords& words, const std::string& id, bool vector) {
  std::string target = "/entry/" + escaped(id);
  char separator = '?';
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    target += separator + std::string(key) + "=" + escaped(value);
    separator = '&';
  };
  add("vector", vector ? "true" : "");
  add("model_id", words.model);
  add("cache_scope", words.scope);
  add("conversation_id", words.conversation);
  return target;
}

void add_get(CLI::App& app, Session& session) {
  CLI::App* const get = app.add_subcommand(
      "get", "read one entry, of several namespaces the newest; exit code 3 if nobody holds it");
  const auto id = std::make_shared<std::string>();
  const auto words = std::make_shared<EntryWords>();
  const auto vector = std::make_shared<bool>(false);
  get->add_option("id", *id, "of the entry")->required();
  words->add_namespace(*get);
  get->add_flag("--vector", *vector, "with its embedding");
  on_connected(*get, session, [&session, id, words, vector](HttpClient& client) -> Status {
    FERRO_ASSIGN_OR_RETURN(const Json entry, client.json("GET", entry_target(*words, *id, *vector)));
    Table table({"FIELD", "VALUE"});
    for (const auto& [name, value] : entry.items()) {
      table.add({name, one_line(value.is_string() ? value.get<std::string>() : value.dump(), 100)});
    }
    print(session.output(), entry, table.text());
    return {};
  });
}

void add_delete(CLI::App& app, Session& session) {
  CLI::App* const remove = app.add_subcommand(
      "delete", "delete one entry, in every namespace unless one is named; exit code 3 if nobody holds it");
  const auto id = std::make_shared<std::string>();
  const auto words = std::make_shared<EntryWords>();
  remove->add_option("id", *id, "of the entry")->required();
  words->add_namespace(*remove);
  on_connected(*remove, session, [&session, id, words](HttpClient& client) -> Status {
    FERRO_ASSIGN_OR_RETURN(const Json done, client.json("DELETE", entry_target(*words, *id, false)));
    print(session.output(), done, "deleted\n");
    return {};
  });
}

void add_invalidate(CLI::App& app, Session& session) {
  CLI::App* const invalidate = app.add_subcommand(
      "invalidate", "delete by tag, attribute or scope, or everything within --threshold of an embedding");
  const auto words = std::make_shared<EntryWords>();
  const auto threshold = std::make_shared<double>(-1);
  const auto dry_run = std::make_shared<bool>(false);
  words->add_namespace(*invalidate);
  words->add_embedding(*invalidate);
  words->add_attributes(*invalidate);
  invalidate->add_option("--tag", words->tags, "any of these; may be given several times")
      ->allow_extra_args(false);
  invalidate->add_option("--threshold", *threshold, "with --embedding: the radius")
      ->check(CLI::Range(0.0, 1.0));
  invalidate->add_flag("--dry-run", *dry_run, "only say what would go");
  on_connected(*invalidate, session, [&session, words, threshold, dry_run](HttpClient& client) -> Status {
    Json body{{"dry_run", *dry_run}};
    FERRO_RETURN_IF_ERROR(fill(*words, body));
    if (*threshold >= 0) body["threshold"] = *threshold;
    FERRO_ASSIGN_OR_RETURN(const Json answer, client.json("POST", "/admin/invalidate", body));
    std::string text =
        std::string(*dry_run ? "would delete " : "deleted ") + cell(answer, "deleted_count") + "\n";
    for (const Json& id : answer.value("uuids", Json::array()))
      text += one_line(id.get<std::string>(), 200) + "\n";
    print(session.output(), answer, text);
    return {};
  });
}

}  // namespace

void add_entry_commands(CLI::App& app, Session& session) {
  add_query(app, session);
  add_insert(app, session);
  add_get(app, session);
  add_delete(app, session);
  add_invalidate(app, session);
}

}  // namespace ferro::ferroctl
