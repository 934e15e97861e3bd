/// The command demo: echoes of growing size and signatures, with the time that each takes.
#pragma once

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Sends four messages to echo.v1.EchoService/Echo, one after the other, and prints a line for each;
/// then runs `demo_signing`.
Task<Outcome<bool>> demo(Session& session);

/// "870 ns", "12.4 µs", "3.07 ms", "1.25 s": three significant digits.
std::string format_time(Nanoseconds time);

}  // namespace ringrpc::grpcclient
