/// All settings of grpcclient, and the text of its help.
///
///   Configuration configuration;
///   Result<Action> action = configuration.line.read(arguments, getenv);
///   Outcome<Command> command = parse_command(configuration.line.words());
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ringrpc/compression.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"
#include "ringrpc/metadata.h"

#include "common/balancing.h"
#include "common/client_tls.h"
#include "common/command_line.h"
#include "reflected/descriptor_files.h"

namespace ringrpc::grpcclient {

/// The kinds of keys that demo requests signatures from.
enum class DemoKey : std::uint8_t { all, rsa, ecc, ed25519, none };

struct Values {
  std::string address = "127.0.0.1:50051";
  apps::ClientTlsValues tls;
  reflected::DescriptorPaths descriptors;
  std::optional<std::string> data;  ///< as `Input::open` takes it
  Metadata headers;
  Compression compression = Compression::identity;
  std::chrono::milliseconds deadline{0};  ///< for reflection and the call; 0 for none
  std::chrono::milliseconds connect_timeout{20'000};
  apps::Balancing balancing = apps::Balancing::pick_first;
  std::string service_config;  ///< a file or JSON; empty for none
  IoBackend io = IoBackend::automatic;
  std::size_t max_message_bytes = 4 * 1024 * 1024;
  std::size_t max_header_list_bytes = 8 * 1024;
  std::uint32_t max_header_fields = 100;
  DemoKey demo_key = DemoKey::all;
  bool watch = false;          ///< health reports changes, too
  bool compact = false;        ///< print each response on one line
  bool emit_defaults = false;  ///< print fields that are not set, too
  bool verbose = false;
  bool telemetry = false;
  log::Level log_level = log::Level::warn;
  log::Format log_format = log::Format::text;
};

struct Configuration {
  Configuration();

  Values values;
  apps::CommandLine line;
};

}  // namespace ringrpc::grpcclient
