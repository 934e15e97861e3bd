/// Redirects libprotobuf's log to ours.
///
///   log_protobuf();      // first in main: libprotobuf writes earlier messages to stderr itself
///
/// Most of these messages are about data from a peer, such as text that is not UTF-8. They are therefore
/// logged one level lower and limited in number: an error as a warning, a warning at level info, the rest at
/// debug. A message that ends the process stays an error. libprotobuf has one handler per process, so only
/// programs install it, never the library.
#pragma once

namespace ringrpc::apps {

/// Call it before the first thread starts.
void log_protobuf();

}  // namespace ringrpc::apps
