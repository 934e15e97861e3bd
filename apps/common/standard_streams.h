/// Makes sure that standard input, output and error are open.
///
///   int main() {
///     open_standard_streams();
#pragma once

namespace ringrpc::apps {

/// Opens /dev/null in place of each of the three that is closed. Call it first: otherwise the next descriptor
/// that the program opens (a socket, a ring) takes the number, and output goes there. /dev/null is opened for
/// reading only: reads return the end of the file, and writes fail as they do on a closed descriptor.
void open_standard_streams() noexcept;

}  // namespace ringrpc::apps
