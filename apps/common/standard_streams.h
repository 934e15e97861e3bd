/// Standard input, output and error are there, whatever the program was started with.
///
///   int main() {
///     open_standard_streams();
#pragma once

namespace ringrpc::apps {

/// Opens /dev/null where one of the three is closed; call it first. Otherwise the next descriptor of the
/// program's own (a socket, a ring) takes the number, and what is read or printed goes there. It is opened for
/// reading: input has ended, and output fails as it did.
void open_standard_streams() noexcept;

}  // namespace ringrpc::apps
