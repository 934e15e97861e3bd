#include "grpcclient/failure.h"

#include <cstdio>

namespace ringrpc::grpcclient {

int report(const Failure& failure) {
  std::string line = "grpcclient: " + printable(failure.message) + "\n";
  for (const std::string& detail : failure.details)
    line.append("  detail: ").append(printable(detail)).push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
  return failure.exit_status;
}

}  // namespace ringrpc::grpcclient
