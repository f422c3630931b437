#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <string>

#include "node/config/sources.h"

namespace ferro::node::config {

namespace {

std::string place(const std::string& path, const YAML::Mark& mark) {
  return path + ", line " + std::to_string(mark.line + 1);
}

// Takes no notice of anything: for counting documents.
class IgnoreEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

// YAML::Load takes the first document and says nothing of what follows; YAML::LoadAll never ends on some
// broken texts (a lone comma yields empty documents for ever), so this looks at two documents at most.
bool has_more_than_one_document(const std::string& content) {
  std::istringstream in(content);
  YAML::Parser parser(in);
  IgnoreEvents ignore;
  return parser.HandleNextDocument(ignore) && parser.HandleNextDocument(ignore);
}

// The settings of one document. Recursion is bounded by depth: an alias can make a node contain itself.
class Flattener {
 public:
  Flattener(const std::string& path, std::vector<Setting>& out) : path_(path), out_(out) {}

  Status section(const YAML::Node& map, const std::string& prefix, size_t depth) {
    for (const auto& entry : map) {
      const std::string where = place(path_, entry.first.Mark());
      if (out_.size() >= kFileSettingsMax || depth >= kFileDepthMax) {
        return Status::invalid(where + ": too many or too deeply nested settings");
      }
      if (!entry.first.IsScalar())
        return Status::invalid(where + ": the name of a setting must be plain text");
      const std::string key = prefix + entry.first.Scalar();
      if (entry.second.IsMap() && entry.second.size() > 0) {
        FERRO_RETURN_IF_ERROR(section(entry.second, key + ".", depth + 1));
      } else {
        FERRO_ASSIGN_OR_RETURN(RawValue value, value_of(entry.second, where));
        out_.push_back({key, std::move(value), Source::file, where});
      }
    }
    return {};
  }

 private:
  Result<RawValue> value_of(const YAML::Node& node, const std::string& where) {
    RawValue value;
    if (node.IsScalar()) {
      value.text = node.Scalar();
    } else if (node.IsMap()) {
      value.kind = RawValue::Kind::empty_section;
    } else if (node.IsSequence()) {
      value.kind = RawValue::Kind::list;
      for (const YAML::Node& item : node) {
        if (!item.IsScalar()) return Status::invalid(where + ": a list must hold plain values only");
        // Items come from the file, but an alias may repeat a long list.
        if (++items_ > kFileSettingsMax) return Status::invalid(where + ": too many list items");
        value.items.push_back(item.Scalar());
      }
    } else {
      value.kind = RawValue::Kind::nothing;
    }
    return value;
  }

  const std::string& path_;
  std::vector<Setting>& out_;
  size_t items_ = 0;
};

}  // namespace

Result<std::vector<Setting>> parse_yaml(std::string_view content, const std::string& path) {
  try {
    const std::string text(content);
    if (has_more_than_one_document(text)) return Status::invalid(path + ": more than one YAML document");
    const YAML::Node document = YAML::Load(text);
    std::vector<Setting> settings;
    if (document.IsNull()) return settings;
    if (!document.IsMap()) {
      return Status::invalid(path + ": the top of the file must hold `key: value` pairs");
    }
    FERRO_RETURN_IF_ERROR(Flattener(path, settings).section(document, "", 0));
    return settings;
  } catch (const YAML::Exception& error) {
    // Its message may quote the text, and that may be a token.
    return Status::invalid(place(path, error.mark) + ", column " + std::to_string(error.mark.column + 1) +
                           ": not valid YAML");
  } catch (const std::exception&) {
    return Status::invalid(path + ": not valid YAML");
  }
}

}  // namespace ferro::node::config
