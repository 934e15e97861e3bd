// grpcclient: calls gRPC servers from the command line. See `grpcclient --help`.
#include <cstdlib>
#include <memory>
#include <openssl/crypto.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"

#include "common/output.h"
#include "common/protobuf_log.h"
#include "common/service_config.h"
#include "common/standard_streams.h"
#include "common/telemetry.h"
#include "grpcclient/call.h"
#include "grpcclient/command.h"
#include "grpcclient/configuration.h"
#include "grpcclient/demo.h"
#include "grpcclient/failure.h"
#include "grpcclient/health.h"
#include "grpcclient/session.h"
#include "grpcclient/show.h"
#include "rpc/naming/target.h"

namespace ringrpc::grpcclient {

using reflected::DescriptorFiles;

namespace {

/// False if the server is not serving, which only the command health finds out.
Task<Outcome<bool>> run(Session& session, const Command& command) {
  switch (command.kind) {
    case Command::Kind::demo:
      return demo(session);
    case Command::Kind::list:
      return list(session, command.symbol);
    case Command::Kind::describe:
      return describe(session, command.symbol);
    case Command::Kind::call:
      return call(session, command.symbol);
    case Command::Kind::health:
      return health(session, command.symbol);
  }
  return demo(session);
}

/// The exit status.
Task<Result<int>> run(const Values& values, const ChannelOptions& options, const Command& command,
                      std::unique_ptr<DescriptorFiles> files) {
  Session session(values, options, std::move(files));
  Outcome<bool> done = co_await run(session, command);
  co_await session.descriptors->end();
  if (!done) co_return report(done.error());
  co_return *done ? 0 : exit_not_serving;
}

int usage(std::string message) { return report({exit_usage, std::move(message)}); }

/// INVALID_ARGUMENT is a usage error; every other code means that the system or a file is at fault.
int refuse(const Status& status) {
  const bool misused = status.code() == Code::INVALID_ARGUMENT;
  return report({misused ? exit_usage : exit_system, std::string(status.message())});
}

int print_text(std::string_view text) {
  const Status status = apps::print_page(text);
  return status.ok() ? 0 : report({exit_output, std::string(status.message())});
}

int run(const std::vector<std::string>& arguments) {
  Configuration configuration;
  Values& values = configuration.values;
  const Result<apps::Action> action =
      configuration.line.read(arguments, [](const char* name) -> const char* { return std::getenv(name); });
  if (!action) return refuse(action.error());
  if (*action == apps::Action::show_help || arguments.empty()) return print_text(configuration.line.help());
  if (*action == apps::Action::show_version) return print_text("grpcclient " GRPCCLIENT_VERSION "\n");

  Outcome<Command> command = parse_command(configuration.line.words());
  if (!command) return report(command.error());
  const apps::Origins& origins = configuration.line.origins();
  if (values.data && command->kind != Command::Kind::call)
    return usage(origins.of("data") + " is only for the command call");
  if (values.descriptors.any() &&
      (command->kind == Command::Kind::demo || command->kind == Command::Kind::health))
    return usage(origins.of(values.descriptors.protos.empty() ? "protoset" : "proto") +
                 " is for the commands list, describe and call");
  if (values.demo_key != DemoKey::all && command->kind != Command::Kind::demo)
    return usage(origins.of("key") + " is only for the command demo");
  if (values.watch && command->kind != Command::Kind::health)
    return usage(origins.of("watch") + " is only for the command health");
  if (command->address) {
    if (Result<Target> target = Target::parse(*command->address, {}); !target)
      return usage(std::string(target.error().message()));
    values.address = *command->address;
  }
  log::set_level(values.log_level);
  log::set_format(values.log_format);
  Outcome<std::unique_ptr<DescriptorFiles>> files = DescriptorFiles::open(values.descriptors, origins);
  if (!files) return report(files.error());
  const Result<std::shared_ptr<const ClientTls>> tls = apps::load_client_tls(values.tls, origins);
  if (!tls) return refuse(tls.error());
  const auto service_config = apps::load_service_config(values.service_config, origins);
  if (!service_config) return refuse(service_config.error());
  set_default_io_backend(values.io);
  // Registers OpenSSL's cleanup at the exit before the first background shard registers its own. Such handlers run in
  // reverse order: the shards end first, so OpenSSL frees what it keeps for their threads.
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
  const Result<apps::ProgramTelemetry> telemetry = apps::ProgramTelemetry::start(values.telemetry);
  if (!telemetry) return refuse(telemetry.error());
  ChannelOptions options{.tls = *tls, .service_config = *service_config};
  telemetry->apply(options);
  const Result<int> status = block_on(run(values, options, *command, std::move(*files)));
  telemetry->finish();
  return status ? *status : report({exit_system, std::string(status.error().message())});
}

}  // namespace
}  // namespace ringrpc::grpcclient

int main(int count, char** arguments) {
  ringrpc::apps::open_standard_streams();
  ringrpc::apps::log_protobuf();
  return ringrpc::grpcclient::run({arguments + (count > 0 ? 1 : 0), arguments + count});
}
