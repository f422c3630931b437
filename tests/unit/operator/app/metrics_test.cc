#include "operator/app/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferro::oper::app {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, WhatWasToldIsCounted) {
  Metrics metrics;
  metrics.on_request({"list", "pods", 200, 2'000});
  metrics.on_request({"list", "pods", 200, 3'000});
  metrics.on_request({"watch", "pods", 410, 290'000'000});
  metrics.on_retry("get", 429);
  metrics.on_garbage("pods");
  metrics.on_pass(true, 40'000);
  metrics.on_action("DeletePod", true);
  metrics.on_action("DeletePod", false);
  const std::string text = metrics.render();
  for (const char* line :
       {"ferrocache_operator_api_requests_total{code=\"200\",resource=\"pods\",verb=\"list\"} 2",
        "ferrocache_operator_api_requests_total{code=\"410\",resource=\"pods\",verb=\"watch\"} 1",
        "ferrocache_operator_api_request_duration_seconds_count{verb=\"list\"} 2",
        "ferrocache_operator_api_retries_total{code=\"429\",verb=\"get\"} 1",
        "ferrocache_operator_watch_garbage_total{resource=\"pods\"} 1",
        "ferrocache_operator_reconcile_total{result=\"ok\"} 1",
        "ferrocache_operator_reconcile_total{result=\"failed\"} 0",
        "ferrocache_operator_reconcile_duration_seconds_count 1",
        "ferrocache_operator_actions_total{action=\"DeletePod\",result=\"failed\"} 1",
        "ferrocache_operator_build_info{version="}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("duration_seconds_count{verb=\"watch\"}")));
}

TEST(Metrics, PartsAreReadAtTheTimeOfAScrape) {
  Metrics metrics;
  bool leads = false;
  ScrapedParts parts;
  parts.leads = [&leads] { return leads; };
  metrics.scrape(std::move(parts));
  EXPECT_THAT(metrics.render(), HasSubstr("ferrocache_operator_leader 0"));
  leads = true;
  EXPECT_THAT(metrics.render(), HasSubstr("ferrocache_operator_leader 1"));
}

TEST(Metrics, ClustersComeFromTheirBook) {
  Metrics metrics;
  controllers::ClusterFiguresBook clusters;
  metrics.scrape(clusters);
  EXPECT_THAT(metrics.render(), Not(HasSubstr("ferrocache_operator_cluster_phase")));
  controllers::ClusterFigures figures;
  figures.phase = "Ready";
  clusters.set("shop/demo", figures);
  EXPECT_THAT(
      metrics.render(),
      HasSubstr("ferrocache_operator_cluster_phase{namespace=\"shop\",name=\"demo\",phase=\"Ready\"} 1"));
}

}  // namespace
}  // namespace ferro::oper::app
