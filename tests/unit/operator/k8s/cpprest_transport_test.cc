// The transport over real sockets, when all goes well.
#include <gmock/gmock.h>

#include <thread>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/operator/k8s/door_fixture.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;

class CpprestTransport : public DoorFixture {};

TEST_F(CpprestTransport, RequestsGoOutAsTheyAreAndConnectionsAreKept) {
  open();
  connect(access());
  make_map("a");
  constexpr uint64_t kRequests = 50;
  for (uint64_t i = 0; i < kRequests; ++i) {
    const Result<HttpResponse> answer = get("a");
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(nlohmann::json::parse(answer->body).at("data").at("a"), "1");
  }
  // Not one: the library hands over an answer before it gives the connection back for the next request.
  EXPECT_LT(door_->connections(), kRequests / 2);
  const Result<HttpResponse> missing = get("none");
  ASSERT_TRUE(missing.ok()) << "any HTTP status is an answer";
  EXPECT_EQ(missing->status, 404);
}

TEST_F(CpprestTransport, EveryMethodItsBodyAndAnEncodedQuery) {
  open();
  connect(access());
  SystemWaiter waiter;
  RestClient client(*transport_, clock_, waiter);
  const nlohmann::json object = {
      {"metadata", {{"name", "a"}, {"namespace", "default"}, {"labels", {{"x", "y"}}}}},
      {"data", {{"text", "äöü € \n \"quoted\""}}}};
  ASSERT_TRUE(client.create(kConfigMaps, "default", object).ok());
  const ApiResult<ObjectList> listed =
      client.list(kConfigMaps, {.ns = "default", .label_selector = "x in (y,z),x!=q"});
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  ASSERT_EQ(listed.value().items.size(), 1U);
  EXPECT_EQ(listed.value().items[0].at("data"), object.at("data"));
  ASSERT_TRUE(client.apply(kConfigMaps, object).ok());
  ASSERT_TRUE(client.patch(kConfigMaps, "default", "a", {{"data", {{"b", "c"}}}}).ok());
  nlohmann::json now = client.get(kConfigMaps, "default", "a").value();
  now["data"]["d"] = "e";
  ASSERT_TRUE(client.replace(kConfigMaps, now).ok());
  ASSERT_TRUE(client.remove(kConfigMaps, "default", "a").ok());
  EXPECT_EQ(client.get(kConfigMaps, "default", "a").error().kind, ErrorKind::not_found);
}

TEST_F(CpprestTransport, LargeBodiesBothWays) {
  open();
  connect(access());
  const std::string value(10'000'000, 'x');
  const nlohmann::json object = {{"metadata", {{"name", "big"}, {"namespace", "default"}}},
                                 {"data", {{"a", value}}}};
  const Result<HttpResponse> made = transport_->call({.method = "POST",
                                                      .target = kMaps,
                                                      .content_type = "application/json",
                                                      .body = object.dump(),
                                                      .timeout_ms = 60'000});
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_EQ(made->status, 201);
  const Result<HttpResponse> read = get("big", 60'000);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(nlohmann::json::parse(read->body).at("data").at("a"), value);
}

TEST_F(CpprestTransport, AStreamHandsOverEveryEventAsItComesAndEndsWithTheServer) {
  open();
  connect(access());
  remember_version();
  make_map("first");
  int events = 0;
  server_.set_faults([](const fakes::kube::RequestFacts& facts) -> fakes::kube::Fault {
    if (facts.verb != "watch") return {};
    return {.kind = fakes::kube::Fault::Kind::end_early, .after_events = 3};
  });
  const Result<HttpResponse> end = transport_->stream(watch_request(), [&](std::string_view line) {
    EXPECT_EQ(nlohmann::json::parse(line).at("type"), "ADDED");
    ++events;
    // The next one happens because this one was seen.
    if (events < 3) make_map("after-" + std::to_string(events));
    return true;
  });
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_EQ(events, 3);
}

TEST_F(CpprestTransport, AnEventOfTenMegabytesArrivesWhole) {
  open();
  connect(access());
  remember_version();
  make_map("big", std::string(10'000'000, 'y'));
  size_t size = 0;
  const Result<HttpResponse> end = transport_->stream(watch_request(60'000), [&](std::string_view line) {
    size = nlohmann::json::parse(line).at("object").at("data").at("a").get<std::string>().size();
    return false;
  });
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_EQ(size, 10'000'000U);
}

TEST_F(CpprestTransport, AReaderThatIsSlowerThanTheServerHoldsItBack) {
  open();
  connect(access());
  remember_version();
  for (int i = 0; i < 30; ++i) make_map("m" + std::to_string(i), std::string(300'000, 'z'));
  int events = 0;
  // Nothing is read while the first event is looked at for long; all of it arrives in the end.
  const Result<HttpResponse> end = transport_->stream(watch_request(), [&](std::string_view) {
    if (events == 0) {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(get("m0").ok());
    }
    return ++events < 30;
  });
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_EQ(events, 30);
}

TEST_F(CpprestTransport, SeveralStreamsAndCallsAtOnce) {
  open();
  connect(access());
  remember_version();
  std::atomic<int> seen{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      int mine = 0;
      const Result<HttpResponse> end = transport_->stream(watch_request(), [&](std::string_view) {
        ++seen;
        return ++mine < 5;
      });
      EXPECT_TRUE(end.ok()) << end.status().to_string();
    });
  }
  for (int i = 0; i < 5; ++i) {
    make_map("m" + std::to_string(i));
    EXPECT_TRUE(get("m0").ok());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, 20);
}

TEST_F(CpprestTransport, AServerBehindAPathAndOneOnIpv6) {
  open({.v6 = true});
  Access to = access();
  connect(to);
  make_map("a");
  const Result<HttpResponse> answer = get("a");
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(door_->last_host_header(), "[::1]:" + std::to_string(door_->port()));
  to.server.path_prefix = "/api/v1";
  connect(to);
  const Result<HttpResponse> prefixed =
      transport_->call({.method = "GET", .target = "/namespaces/default/configmaps/a", .timeout_ms = 20'000});
  ASSERT_TRUE(prefixed.ok());
  EXPECT_EQ(prefixed->status, 200);
}

TEST_F(CpprestTransport, ARotatedTokenIsUsedAtOnceAndA401AsksTheFileAgain) {
  open();
  const tests::fakes::TempFolder folder;
  const std::string path = folder.path() + "/token";
  const auto write = [&](const std::string& token) {
    std::FILE* file = std::fopen((path + ".tmp").c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(token.c_str(), file);
    std::fclose(file);
    ASSERT_EQ(std::rename((path + ".tmp").c_str(), path.c_str()), 0);
  };
  write("old");
  door_->accept_tokens({"old"});
  Access to = access();
  to.token_file = path;
  connect(to);
  make_map("a");
  EXPECT_EQ(get("a")->status, 200);
  write("new");
  door_->accept_tokens({"new"});
  EXPECT_EQ(get("a")->status, 200);
  door_->accept_tokens({"another"});
  EXPECT_EQ(get("a")->status, 401);
  remember_version();
  EXPECT_EQ(transport_->stream(watch_request(), [](std::string_view) { return true; })->status, 401);
}

}  // namespace
}  // namespace ferro::oper::k8s
