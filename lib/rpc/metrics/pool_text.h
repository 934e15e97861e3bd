/// The text of the worker pools' metrics.
#pragma once

#include "observe/metrics_text.h"

namespace ringrpc {

/// Writes those of all pools of the process, by their names; nothing if there are none.
void write_worker_pools(MetricsText& text);

}  // namespace ringrpc
