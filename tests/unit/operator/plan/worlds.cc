#include "tests/unit/operator/plan/worlds.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "operator/api/names.h"

namespace ferro::oper::plan {

World fresh(int64_t replicas) {
  World world;
  world.cluster.ns = "shop";
  world.cluster.name = "demo";
  world.cluster.uid = "uid-of-demo";
  world.cluster.generation = 1;
  world.cluster.created_unix = kNow;
  world.cluster.spec.replicas = replicas;
  world.desired_template_hash = "t1";
  world.default_image_version = "0.1.0";
  world.missing = {"StatefulSet/demo", "Service/demo"};
  return world;
}

namespace {

NodeReport report(int64_t members) {
  NodeReport told;
  told.state = "ready";
  told.version = "0.1.0";
  told.started_unix = kNow - 9 * kDay;
  told.replication_factor = 2;
  told.ring_epoch = 7;
  told.ring_members = members;
  told.trusted_fingerprints = {"ca-1"};
  told.certificate_not_after_unix = kNow + 20 * kDay;
  told.token_generation = 1;
  told.token_last_used_unix = {{1, kNow - 1}};
  told.entries = 1234;
  told.memory_bytes = 100 << 20;
  told.memory_max_bytes = 700 << 20;
  told.wal_bytes = 1 << 20;
  told.snapshot_bytes = 100 << 20;
  told.snapshot_number = 5;
  told.snapshot_unix = kNow - 60;
  return told;
}

PodView pod(const World& world, int64_t ordinal) {
  PodView made;
  made.name = api::member(world.cluster.name, ordinal);
  made.ordinal = ordinal;
  made.uid = "uid-of-" + made.name;
  made.scheduled = true;
  made.ready = true;
  made.template_hash = world.desired_template_hash;
  made.node_name = "worker-" + std::to_string(ordinal);
  made.ip = "10.0.0." + std::to_string(ordinal + 1);
  made.created_unix = kNow - 9 * kDay;
  return made;
}

ClaimView claim(const World& world, int64_t ordinal) {
  ClaimView made;
  made.name = api::claim(world.cluster.name, ordinal);
  made.ordinal = ordinal;
  made.uid = "uid-of-" + made.name;
  made.phase = "Bound";
  made.requested_bytes = made.capacity_bytes = world.cluster.spec.storage.size_bytes;
  made.created_unix = kNow - 10 * kDay;
  made.expandable = true;
  return made;
}

}  // namespace

World healthy(int64_t members) {
  World world = fresh(members);
  world.cluster.created_unix = kNow - 10 * kDay;
  world.missing.clear();
  StatefulSetView set;
  set.uid = "uid-of-set";
  set.replicas = members;
  set.claim_bytes = world.cluster.spec.storage.size_bytes;
  set.template_hash = world.desired_template_hash;
  world.statefulset = set;
  world.pki.current = Authority{1, "ca-1", kNow - 10 * kDay, kNow + 355 * kDay};
  world.pki.published = {"ca-1"};
  world.tokens.exists = true;
  world.tokens.current_generation = world.tokens.newest_generation = 1;
  world.tokens.minted_unix = world.tokens.switched_unix = kNow - 10 * kDay;
  for (int64_t ordinal = 0; ordinal < members; ++ordinal) {
    const std::string fingerprint = "leaf-" + std::to_string(ordinal);
    world.pki.leaves[ordinal] = {fingerprint, "ca-1", kNow - 10 * kDay, kNow + 20 * kDay, true};
    world.pods.push_back(pod(world, ordinal));
    world.pods.back().report = report(members);
    world.pods.back().report->certificate_fingerprint = fingerprint;
    world.claims.push_back(claim(world, ordinal));
  }
  world.cluster.status = api::to_json(make_plan(world, kNow).status);
  return world;
}

PodView& pod_of(World& world, int64_t ordinal) {
  for (PodView& found : world.pods) {
    if (found.ordinal == ordinal) return found;
  }
  ADD_FAILURE() << "no pod " << ordinal;
  return world.pods.front();
}

NodeReport& report_of(World& world, int64_t ordinal) {
  return *pod_of(world, ordinal).report;
}

void set_ring(World& world, int64_t members) {
  for (PodView& one : world.pods) {
    if (!one.report) continue;
    one.report->ring_members = members;
    ++one.report->ring_epoch;
  }
}

void break_pod(World& world, int64_t ordinal, std::string waiting_reason) {
  PodView& broken = pod_of(world, ordinal);
  broken.ready = false;
  broken.report.reset();
  broken.probe_error = "refuses the connection";
  broken.waiting_reason = std::move(waiting_reason);
}

void lose_pod(World& world, int64_t ordinal) {
  PodView& lost = pod_of(world, ordinal);
  lost.ready = false;
  lost.report.reset();
  lost.probe_error = "no answer in time";
}

void silence(World& world, int64_t ordinal) {
  PodView& silent = pod_of(world, ordinal);
  silent.report.reset();
  silent.probe_error = "no answer in time";
}

void write_status(World& world, const Plan& plan) {
  world.cluster.status = api::to_json(plan.status);
}

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> list;
  for (const Action& action : plan.actions) list.emplace_back(name_of(action));
  return list;
}

std::vector<std::string> blockers(const Plan& plan) {
  std::vector<std::string> list;
  for (const api::Blocker& blocker : plan.status.blocked_by)
    list.push_back(blocker.action + "/" + blocker.rule +
                   (blocker.member.empty() ? "" : "/" + blocker.member));
  return list;
}

const api::Condition& condition(const Plan& plan, const std::string& type) {
  for (const api::Condition& one : plan.status.conditions) {
    if (one.type == type) return one;
  }
  ADD_FAILURE() << "no condition " << type;
  return plan.status.conditions.front();
}

}  // namespace ferro::oper::plan
