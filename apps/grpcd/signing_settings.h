/// The settings of grpcd's signatures.
#pragma once

#include "common/command_line.h"
#include "grpcd/signing.h"

namespace ringrpc::grpcd {

void add_signing(apps::CommandLine& line, SigningValues& signing);

}  // namespace ringrpc::grpcd
