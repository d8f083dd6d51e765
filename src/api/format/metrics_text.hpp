#pragma once

#include "sandbox/base/metric.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sandbox::api {

/// The two that Prometheus reads: its own text format 0.0.4, and OpenMetrics 1.0.
enum class MetricsFormat { prometheus, open_metrics };

/// By an Accept header (RFC 9110, 12.5.1): OpenMetrics 1.0 where it is wanted at least as much, else the
/// other.
MetricsFormat choose_metrics_format(std::string_view accept);

/// The Content-Type of a format.
std::string_view content_type_of(MetricsFormat format);

/// Families without points are left out.
std::string metrics_text(const std::vector<metric::Family>& families, MetricsFormat format);

} // namespace sandbox::api
