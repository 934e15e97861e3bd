/// All settings of grpcbench, and the text of its help.
///
///   Configuration configuration;
///   Result<Action> action = configuration.line.read(arguments, getenv);
///   Result<Plan> plan = make_plan(configuration.values);
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"
#include "ringrpc/metadata.h"

#include "common/balancing.h"
#include "common/client_tls.h"
#include "common/command_line.h"
#include "grpcbench/schedule.h"
#include "reflected/descriptor_files.h"

namespace ringrpc::grpcbench {

enum class Transport : std::uint8_t { tcp, vsock };
enum class Target : std::uint8_t { echo, crypto, both };
enum class Format : std::uint8_t { text, json, csv };

/// The settings as they were given. Those that may be missing are optional.
struct Values {
  std::optional<std::string> server;
  std::optional<Transport> transport;
  apps::Balancing balancing = apps::Balancing::pick_first;
  std::chrono::milliseconds connect_timeout{5'000};
  std::string service_config;  ///< a file or JSON; empty for none
  apps::ClientTlsValues tls;

  std::optional<Target> service;
  std::optional<std::size_t> payload_bytes;
  std::optional<std::string> algorithm;
  std::optional<std::string> call;
  std::optional<std::string> data;
  reflected::DescriptorPaths descriptors;
  Metadata headers;
  std::size_t max_message_bytes = 4 * 1024 * 1024;
  std::size_t max_header_list_bytes = 8 * 1024;
  std::uint32_t max_header_fields = 100;

  std::uint32_t connections = 10;
  std::optional<std::uint32_t> streams;
  std::optional<std::uint32_t> threads;
  IoBackend io = IoBackend::automatic;
  std::optional<std::uint32_t> requests;
  std::chrono::milliseconds duration{0};
  std::chrono::milliseconds warmup{0};
  std::chrono::microseconds spin{0};
  std::uint32_t rate = 0;  ///< calls a second; 0 for as many as the server takes
  std::optional<Spacing> spacing;
  std::chrono::milliseconds deadline{20'000};
  bool keep_going = false;

  Format output = Format::text;
  std::optional<std::string> report;
  bool telemetry = false;
  log::Level log_level = log::Level::warn;
  log::Format log_format = log::Format::text;
};

struct Configuration {
  Configuration();

  Values values;
  apps::CommandLine line;
};

}  // namespace ringrpc::grpcbench
