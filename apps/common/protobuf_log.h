/// libprotobuf's own log, as records of ours.
///
///   log_protobuf();      // first thing in main: what libprotobuf says before goes to stderr as it is
///
/// Most of what it says is about messages that a peer sent, as text that is not UTF-8, so it is less severe here
/// than there and limited in number: an error is a warning, a warning is at level info, the rest at debug. Only
/// what ends the process is an error. One handler serves all of a process, so this is for programs, and the
/// library leaves it alone.
#pragma once

namespace ringrpc::apps {

/// Call it while there is one thread.
void log_protobuf();

}  // namespace ringrpc::apps
