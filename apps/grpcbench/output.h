/// The results as text for people, and as JSON and CSV for programs.
#pragma once

#include <string>

#include "grpcbench/configuration.h"
#include "grpcbench/results.h"

namespace ringrpc::grpcbench {

/// The results in `format`, ending with a line break.
std::string format_results(const Results& results, Format format);

/// "99.99 %", rounded down, so that 100 % means that no call failed; "-" without calls.
std::string success_rate_text(const Tally& tally);

}  // namespace ringrpc::grpcbench
