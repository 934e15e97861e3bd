/// Makes sure that standard input, output and error are open, and that no write to a file ends the process.
///
///   int main() {
///     open_standard_streams();
#pragma once

namespace ringrpc::apps {

/// Opens /dev/null in place of each of the three that is closed. Call it first: otherwise the next descriptor
/// that the program opens (a socket, a ring) takes the number, and output goes there. /dev/null is opened for
/// reading only: reads return the end of the file, and writes fail as they do on a closed descriptor.
///
/// It also ignores SIGXFSZ: a write beyond the limit of the file size (ulimit -f) fails, as on a full disk, and does not end
/// the process.
void open_standard_streams() noexcept;

}  // namespace ringrpc::apps
