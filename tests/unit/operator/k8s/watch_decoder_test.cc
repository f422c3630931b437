#include "operator/k8s/watch_decoder.h"

#include <gtest/gtest.h>

#include "operator/k8s/resources.h"

namespace ferro::oper::k8s {
namespace {

std::string line(const char* type, const Json& object) {
  return Json({{"type", type}, {"object", object}}).dump();
}
Json pod(const char* name = "a", const char* version = "5") {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}, {"resourceVersion", version}}}};
}

TEST(WatchDecoder, EventsCarryKindAndVersionEvenIfTheServerLeftThemOut) {
  for (const auto& [word, type] :
       {std::pair{"ADDED", WatchEvent::Type::added}, std::pair{"MODIFIED", WatchEvent::Type::modified},
        std::pair{"DELETED", WatchEvent::Type::deleted}}) {
    const DecodedLine decoded = decode_watch_line(line(word, pod()), kPods);
    const auto* event = std::get_if<WatchEvent>(&decoded);
    ASSERT_NE(event, nullptr) << word;
    EXPECT_EQ(event->type, type);
    EXPECT_EQ(event->object.at("kind"), "Pod");
    EXPECT_EQ(event->object.at("apiVersion"), "v1");
  }
}

TEST(WatchDecoder, ABookmarkNeedsNoMoreThanAVersion) {
  const DecodedLine good =
      decode_watch_line(line("BOOKMARK", {{"metadata", {{"resourceVersion", "9"}}}}), kPods);
  ASSERT_TRUE(std::holds_alternative<WatchEvent>(good));
  EXPECT_EQ(std::get<WatchEvent>(good).type, WatchEvent::Type::bookmark);
  EXPECT_TRUE(std::holds_alternative<Garbage>(decode_watch_line(line("BOOKMARK", Json::object()), kPods)));
}

TEST(WatchDecoder, AnErrorEventIsAnErrorThoughTheStreamWas200) {
  const Json gone = {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "too old"}};
  const DecodedLine decoded = decode_watch_line(line("ERROR", gone), kPods);
  ASSERT_TRUE(std::holds_alternative<ApiError>(decoded));
  EXPECT_EQ(std::get<ApiError>(decoded).kind, ErrorKind::gone);
  EXPECT_EQ(std::get<ApiError>(decoded).http_status, 410);
  for (const Json& code : {Json(), Json("410"), Json(7), Json(-1), Json(1e300)}) {
    const DecodedLine odd = decode_watch_line(line("ERROR", {{"code", code}}), kPods);
    ASSERT_TRUE(std::holds_alternative<ApiError>(odd)) << code;
    EXPECT_EQ(std::get<ApiError>(odd).kind, ErrorKind::server);
  }
}

TEST(WatchDecoder, EverythingElseIsGarbage) {
  Json nameless = pod(), versionless = pod(), homeless = pod();
  nameless["metadata"].erase("name");
  versionless["metadata"]["resourceVersion"] = 5;
  homeless["metadata"].erase("namespace");
  for (const std::string& text :
       {std::string("{"), std::string("null"), std::string("[]"), std::string("\"ADDED\""), std::string("{}"),
        line("NEW", pod()), line("ADDED", Json::array()), line("ADDED", {{"metadata", "x"}}),
        line("ADDED", nameless), line("ADDED", versionless), line("ADDED", homeless),
        line("ADDED", pod()).substr(0, 30), std::string("\xff\xfe\xfd")}) {
    EXPECT_TRUE(std::holds_alternative<Garbage>(decode_watch_line(text, kPods))) << text;
  }
  EXPECT_TRUE(std::holds_alternative<Blank>(decode_watch_line(" \r", kPods)));
  EXPECT_TRUE(std::holds_alternative<Blank>(decode_watch_line("", kPods)));
  // Without namespaces, none is asked for.
  EXPECT_TRUE(std::holds_alternative<WatchEvent>(decode_watch_line(line("ADDED", homeless), kNamespaces)));
}

}  // namespace
}  // namespace ferro::oper::k8s
