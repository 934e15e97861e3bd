/// Draws the latency of a method as SVG: a bar for each bucket of its histogram, and the share of
/// calls that took no longer.
#pragma once

#include <string>

#include "ringrpc/clock.h"
#include "ringrpc/server_snapshot.h"

#include "services/html_text.h"

namespace ringrpc {

/// "850 ns", "12.3 µs", "4 ms", "1.5 s".
std::string latency_text(Nanoseconds latency);

/// Nothing if no call has ended.
void add_latency_figure(HtmlText& html, const MethodSnapshot& method);

}  // namespace ringrpc
