/// The kernel's Landlock (landlock(7)): a thread keeps only the access to files and TCP ports that it needs.
///
///   Landlock rules;
///   rules.read("/etc");
///   rules.write("/var/log/grpcd");
///   rules.listen(50051);
///   Result<int> version = rules.enforce();
///
/// The rules hold for the thread that calls `enforce` and for the threads that it starts later, for io_uring as
/// well as for system calls. They cannot be lifted. Descriptors that are open keep their access.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc::grpcd {

class Landlock {
 public:
  /// The version of the kernel's Landlock. Errors: UNIMPLEMENTED if the kernel has none, PERMISSION_DENIED if a filter
  /// of system calls forbids it.
  static Result<int> version();

  /// Allows to read a file, or a folder with everything in it. A path that does not exist is ignored.
  void read(std::string path) { paths_.push_back({std::move(path), Access::read}); }

  /// Allows in addition to write, create and remove files and sockets.
  void write(std::string path) { paths_.push_back({std::move(path), Access::write}); }

  /// Allows to listen on a TCP port; 0 stands for a port that the kernel chooses.
  void listen(std::uint16_t port) { ports_.push_back(port); }

  /// Allows connections to any TCP port and abstract unix socket. Without this call none can be made.
  void connect() noexcept { connects_ = reaches_abstract_sockets_ = true; }

  /// Allows connections to abstract unix sockets of other processes.
  void reach_abstract_sockets() noexcept { reaches_abstract_sockets_ = true; }

  /// Returns the version of the rules. Programs cannot be executed afterwards. Ports are restricted from version 4 on, abstract
  /// unix sockets and signals to other processes from version 6 on.
  ///
  /// Errors: those of `version`; the kernel's own, which name the path or port.
  Result<int> enforce() const;

 private:
  enum class Access : std::uint8_t { read, write };
  struct Path {
    std::string name;
    Access access;
  };

  std::vector<Path> paths_;
  std::vector<std::uint16_t> ports_;
  bool connects_ = false;
  bool reaches_abstract_sockets_ = false;
};

}  // namespace ringrpc::grpcd
