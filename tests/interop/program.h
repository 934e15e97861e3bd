/// What the interop programs share: gRPC's flags, a shard on the calling thread, and how they report.
///
///   Flags flags("Serves grpc.testing.TestService");
///   flags.add("--port", port, "0 takes a free one");
///   const TlsFlags tls(flags);
///   if (Result<bool> go = flags.parse(count, arguments); !go) return report("interop_server", go.error());
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/status.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"

namespace CLI {
class App;
}

namespace ringrpc::interop {

/// Of a command line: `--flag=value` and `--flag value`. The parser takes seconds to compile, and is compiled
/// in program.cc alone.
class Flags {
 public:
  explicit Flags(std::string summary);
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;
  ~Flags();

  /// Text, a switch or a number that is not negative; what it is now is its default.
  template <class T>
  void add(const std::string& name, T& value, const std::string& help);

  /// A flag of gRPC's own programs for what these do not have. Drivers give it empty, and may.
  void refuse(const std::string& name);

  /// False when help was asked for and printed; INVALID_ARGUMENT names the flag at fault.
  Result<bool> parse(int count, char** arguments);

 private:
  std::unique_ptr<CLI::App> app_;
};

/// gRPC's flags for TLS (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md):
/// `--use_tls`, which its drivers always give, and where the files are. A certificate is shown where one is
/// given.
struct TlsFlags {
  explicit TlsFlags(Flags& flags);

  /// Null where `--use_tls` is false.
  Result<std::shared_ptr<ServerTls>> server() const;
  Result<std::shared_ptr<const ClientTls>> client() const;

  bool use_tls = false;
  bool use_test_ca = false;  ///< believe `ca_file`, as these programs have no authority of their own
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
};

/// Says on standard error why the program ends, and gives its exit status: 0 for OK, else 1.
int report(std::string_view program, const Status& status);

/// What gRPC's flags for a host and a port name together: `host:port`, with the 32-bit ports of vsock too. A
/// host that is an address by itself, such as unix:/path, has no port beside it.
std::string address_of(const std::string& host, std::uint32_t port);

/// Runs `script` to its end on a shard of the calling thread. Channels that it makes must end with it.
Status run_on_shard(const std::function<Task<Status>()>& script);

}  // namespace ringrpc::interop
