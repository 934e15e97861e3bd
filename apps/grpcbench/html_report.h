/// The results as one HTML page that needs nothing else: no script, no font, no network; for screens in light
/// and dark, and for paper.
#pragma once

#include <string>

#include "grpcbench/results.h"

namespace ringrpc::grpcbench {

std::string html_report(const Results& results);

}  // namespace ringrpc::grpcbench
