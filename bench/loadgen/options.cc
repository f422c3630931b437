#include "bench/loadgen/options.h"

#include <charconv>
#include <functional>
#include <map>

namespace ferro::bench::loadgen {

namespace {

const std::map<std::string, Workload> kWorkloads = {{"exact", Workload::exact}, {"vector", Workload::vector},
                                                    {"miss", Workload::miss},   {"insert", Workload::insert},
                                                    {"mixed", Workload::mixed}, {"raw", Workload::raw}};

template <typename T>
bool number(const std::string& text, T& target) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, target);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

using Setter = std::function<bool(Options&, const std::string&)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kTable = {
      {"--host",
       [](Options& o, const std::string& v) {
         o.host = v;
         return true;
       }},
      {"--port", [](Options& o, const std::string& v) { return number(v, o.port); }},
      {"--path",
       [](Options& o, const std::string& v) {
         o.path = v;
         return true;
       }},
      {"--token",
       [](Options& o, const std::string& v) {
         o.token = v;
         return true;
       }},
      {"--prefix",
       [](Options& o, const std::string& v) {
         o.prefix = v;
         return true;
       }},
      {"--rate", [](Options& o, const std::string& v) { return number(v, o.rate) && o.rate >= 0; }},
      {"--connections",
       [](Options& o, const std::string& v) { return number(v, o.connections) && o.connections > 0; }},
      {"--seconds", [](Options& o, const std::string& v) { return number(v, o.seconds) && o.seconds > 0; }},
      {"--warmup", [](Options& o, const std::string& v) { return number(v, o.warmup_seconds); }},
      {"--dimension",
       [](Options& o, const std::string& v) { return number(v, o.dimension) && o.dimension > 0; }},
      {"--entries", [](Options& o, const std::string& v) { return number(v, o.entries) && o.entries > 0; }},
      {"--namespaces",
       [](Options& o, const std::string& v) { return number(v, o.namespaces) && o.namespaces > 0; }},
      {"--insert-share", [](Options& o, const std::string& v) { return number(v, o.insert_share); }},
      {"--similarity", [](Options& o, const std::string& v) { return number(v, o.similarity); }},
      {"--response-bytes", [](Options& o, const std::string& v) { return number(v, o.response_bytes); }},
      {"--seed", [](Options& o, const std::string& v) { return number(v, o.seed); }},
      {"--workload",
       [](Options& o, const std::string& v) {
         const auto found = kWorkloads.find(v);
         if (found != kWorkloads.end()) o.workload = found->second;
         return found != kWorkloads.end();
       }},
  };
  return kTable;
}

}  // namespace

std::string usage() {
  return "ferrobench: load on one node, figures as one JSON object on standard output\n"
         "  --workload exact|vector|miss|insert|mixed|raw   what to send (exact)\n"
         "  --rate N           open loop: N requests a second, timed from when each was due; 0 = closed loop "
         "(0)\n"
         "  --connections N    keep-alive connections (50)\n"
         "  --seconds S, --warmup S                         measured and unmeasured time (5, 1)\n"
         "  --entries N, --namespaces N, --dimension N      what is loaded first (10000, 1, 384)\n"
         "  --no-preload       it is loaded already\n"
         "  --insert-share X   of mixed (0.1)     --similarity X  of vector queries (0.97)\n"
         "  --response-bytes N of inserts (256)   --prefix NAME   of model ids (bench)   --seed N (1)\n"
         "  --host A --port N --path P --token T\n";
}

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--no-preload") {
      options.preload = false;
      continue;
    }
    const auto setter = setters().find(arguments[i]);
    if (setter == setters().end()) return Status::invalid("unknown option " + arguments[i] + "\n" + usage());
    if (++i == arguments.size()) return Status::invalid(setter->first + " needs a value");
    if (!setter->second(options, arguments[i]))
      return Status::invalid("bad value of " + setter->first + ": " + arguments[i]);
  }
  return options;
}

}  // namespace ferro::bench::loadgen
