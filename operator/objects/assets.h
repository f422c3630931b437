// Files of assets/ as texts of the binary. JSON with $NAMES that monitoring.cc fills in.
#pragma once

#include <string_view>

namespace ferro::oper::objects {

std::string_view alerts_asset() noexcept;     // spec of a PrometheusRule
std::string_view dashboard_asset() noexcept;  // of Grafana

}  // namespace ferro::oper::objects
