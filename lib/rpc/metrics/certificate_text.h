/// The text of the metrics that tell when certificates expire.
#pragma once

#include <string_view>
#include <vector>

#include "ringrpc/server_snapshot.h"

#include "observe/metrics_text.h"

namespace ringrpc {

/// A gauge with a sample of each certificate; nothing if there are none.
void write_certificates(MetricsText& text, std::string_view name, std::string_view help,
                        const std::vector<CertificateSnapshot>& certificates);

}  // namespace ringrpc
