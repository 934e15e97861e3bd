/// Finds the methods that were called most.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ringrpc/server_snapshot.h"

#include "observe/call_text.h"
#include "rpc/server/method_table.h"

namespace ringrpc {

/// The `most` methods with the most calls, from the first. `metrics` are in the order of metric_labels.
std::vector<MethodSnapshot> most_called(std::span<const MethodMetrics> metrics, const MethodTable& table,
                                        std::size_t most);

}  // namespace ringrpc
