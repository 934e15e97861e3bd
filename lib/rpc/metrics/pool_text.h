/// The text of the worker pools' metrics.
#pragma once

#include "observe/metrics_text.h"

namespace ringrpc {

/// Writes the metrics of all worker pools of the process, labelled with their names.
void write_worker_pools(MetricsText& text);

}  // namespace ringrpc
