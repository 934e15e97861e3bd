/// The results as text for people, and as JSON and CSV for programs.
#pragma once

#include <string>

#include "grpcbench/configuration.h"
#include "grpcbench/results.h"

namespace ringrpc::grpcbench {

/// Text that ends with a line break.
std::string format_results(const Results& results, Format format);

/// "99.99 %", rounded down, so that a failure is never lost; "-" where there was no call.
std::string success_rate_text(const Tally& tally);

}  // namespace ringrpc::grpcbench
