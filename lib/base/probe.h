/// Static probes for bpftrace, perf and SystemTap: one `nop` each while no tracer is attached.
/// docs/operations/profiling.md lists them.
///
///   RINGRPC_PROBE(server_call_end, call, code);      // ringrpc:server_call_end, with arg0 and arg1
///
/// The arguments are numbers or pointers, which are at hand at that place: they are evaluated always. A build
/// with -Dusdt=disabled has no probes.
#pragma once

#ifdef RINGRPC_USDT

// Registers and constants only: clang stores arguments to the stack if it may.
#define STAP_SDT_ARG_CONSTRAINT nr
#include <sys/sdt.h>

#define RINGRPC_PROBE(name, first, second) STAP_PROBE2(ringrpc, name, first, second)

#else

#define RINGRPC_PROBE(name, first, second) static_cast<void>(0)

#endif
