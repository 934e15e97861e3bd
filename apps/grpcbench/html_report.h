/// The results as one self-contained HTML page: no script, no font, no network. It supports light and dark
/// screens, and paper.
#pragma once

#include <string>

#include "grpcbench/results.h"

namespace ringrpc::grpcbench {

std::string html_report(const Results& results);

}  // namespace ringrpc::grpcbench
