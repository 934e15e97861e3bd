#include "grpcclient/failure.h"

#include <cstdio>

#include "base/escape.h"

namespace ringrpc::grpcclient {

int report(const Failure& failure) {
  std::string line = "grpcclient: " + escape_controls(failure.message) + "\n";
  for (const std::string& detail : failure.details)
    line.append("  detail: ").append(escape_controls(detail)).push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
  return failure.exit_status;
}

}  // namespace ringrpc::grpcclient
