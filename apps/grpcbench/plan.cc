#include "grpcbench/plan.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string_view>
#include <utility>

#include "reactor/cpus.h"
#include "rpc/naming/target.h"
#include "transport/address.h"

namespace ringrpc::grpcbench {
namespace {

constexpr unsigned default_threads_max = 4;
constexpr std::uint32_t default_calls = 1000;
constexpr std::size_t default_payload_bytes = 16;
constexpr std::string_view default_algorithm = "ECDSA_P256_SHA256";
/// Most servers accept this many calls on one connection. In open loop, due calls
/// must not wait for each other.
constexpr unsigned default_open_loop_streams = 100;
/// Limit of calls in flight over all connections; each slot takes some hundreds of bytes.
constexpr unsigned slots_max = 1'000'000;

std::unexpected<Status> refused(std::string why) { return fail(Code::INVALID_ARGUMENT, std::move(why)); }

/// The transport of an address; none for a unix socket and for addresses that only a server uses.
std::optional<Transport> transport_to(const Address& server) {
  switch (server.kind()) {
    case Address::Kind::tcp:
      return Transport::tcp;
    case Address::Kind::vsock:
    case Address::Kind::hybrid_vsock:
      return Transport::vsock;
    case Address::Kind::unix_path:
    case Address::Kind::unix_abstract:
    case Address::Kind::systemd:
    case Address::Kind::descriptor:
      break;
  }
  return std::nullopt;
}

Result<std::string> server_of(const Values& values, const apps::Origins& origins) {
  const bool vsock = values.transport == Transport::vsock;
  std::string server = values.server.value_or(vsock ? "vsock:1:50051" : "127.0.0.1:50051");
  const Result<ringrpc::Target> target = ringrpc::Target::parse(server, {});
  if (!target) return std::unexpected(target.error());
  const auto agrees = [&](const ringrpc::Target::Place& place) {
    return values.transport == transport_to(place.address);
  };
  if (!values.transport || std::ranges::all_of(target->places(), agrees)) return server;
  return refused(origins.of("transport") + (vsock ? " vsock" : " tcp") + " contradicts " +
                 origins.of("server") + " " + server + "; write " + (vsock ? "vsock:CID:PORT" : "host:port") +
                 ", or leave out " + origins.of("transport"));
}

std::vector<Operation> operations_of(const Values& values) {
  std::vector<Operation> operations;
  if (values.call) return operations;
  const Target target = values.service.value_or(Target::echo);
  const std::size_t payload_bytes = values.payload_bytes.value_or(default_payload_bytes);
  if (target != Target::crypto) operations.push_back(echo_operation(payload_bytes));
  if (target != Target::echo)
    operations.push_back(
        sign_operation(values.algorithm.value_or(std::string(default_algorithm)), payload_bytes));
  return operations;
}

Result<unsigned> threads_of(const Values& values, const apps::Origins& origins) {
  if (!values.threads) return std::min({usable_cpu_count(), default_threads_max, values.connections});
  if (*values.threads > values.connections)
    return refused(origins.of("threads") + " " + std::to_string(*values.threads) +
                   " needs at least as many connections, and " + origins.of("connections") + " is " +
                   std::to_string(values.connections));
  return *values.threads;
}

Result<unsigned> streams_of(const Values& values, const apps::Origins& origins) {
  const unsigned most = slots_max / values.connections;
  if (!values.streams) return values.rate > 0 ? std::min(default_open_loop_streams, most) : 1;
  if (*values.streams > most)
    return refused(origins.of("connections") + " " + std::to_string(values.connections) + " times " +
                   origins.of("streams") + " " + std::to_string(*values.streams) + " is more than " +
                   std::to_string(slots_max) + " calls in flight; lower one of them");
  return *values.streams;
}

std::optional<Pace> pace_of(const Values& values) {
  if (values.rate == 0) return std::nullopt;
  return Pace{static_cast<double>(values.rate), values.spacing.value_or(Spacing::constant),
              std::random_device()()};
}

/// Sets the headers, with the largest values in place of placeholders.
Status add_headers(const Metadata& headers, Plan& plan) {
  TemplateValues largest = largest_values(plan);
  bool constant = true;
  for (const Metadata::Entry& entry : headers) {
    std::string value = entry.value;
    std::optional<Template> filled;
    if (!entry.name.ends_with("-bin")) {
      Result<Template> parsed = Template::parse(value);
      if (!parsed) return std::move(parsed).error();
      value.clear();
      parsed->fill(largest, value);
      if (!parsed->constant()) filled = std::move(*parsed);
    }
    constant = constant && !filled;
    plan.header_templates.push_back(std::move(filled));
    if (Status added = plan.headers.add(entry.name, value); !added.ok()) return added;
  }
  if (constant) plan.header_templates.clear();
  return {};
}

}  // namespace

TemplateValues largest_values(const Plan& plan) {
  TemplateValues values;
  values.give_largest();
  values.begin(plan.calls.value_or(1) - 1, std::uint64_t{plan.connections} * plan.streams - 1);
  return values;
}

Result<Plan> make_plan(const Values& values, const apps::Origins& origins) {
  Result<std::string> server = server_of(values, origins);
  if (!server) return std::unexpected(std::move(server).error());
  const Result<unsigned> threads = threads_of(values, origins);
  if (!threads) return std::unexpected(threads.error());
  const Result<unsigned> streams = streams_of(values, origins);
  if (!streams) return std::unexpected(streams.error());

  Plan plan;
  plan.server = std::move(*server);
  plan.spreads = values.balancing != apps::Balancing::pick_first;
  plan.threads = *threads;
  plan.spin = values.spin;
  plan.connections = values.connections;
  plan.streams = *streams;
  plan.operations = operations_of(values);
  if (values.duration.count() > 0) plan.duration = values.duration;
  if (values.requests || !plan.duration) plan.calls = values.requests.value_or(default_calls);
  plan.warmup = values.warmup;
  plan.pace = pace_of(values);
  plan.deadline = values.deadline;
  plan.keep_going = values.keep_going;
  if (Status status = add_headers(values.headers, plan); !status.ok()) {
    status = Status(status.code(), origins.of("header") + ": " + std::string(status.message()));
    return std::unexpected(std::move(status));
  }
  plan.channel.max_connections = 1;
  plan.channel.balancing = apps::policy_of(values.balancing);
  plan.channel.max_queued_calls = plan.streams;
  plan.channel.max_message_bytes = values.max_message_bytes;
  plan.channel.max_header_list_bytes = values.max_header_list_bytes;
  plan.channel.max_header_fields = values.max_header_fields;
  plan.channel.connect_timeout = values.connect_timeout;
  // The first failed attempt ends the run; a longer backoff would exceed the connect timeout.
  plan.channel.backoff.initial = std::min(plan.channel.backoff.initial, values.connect_timeout);
  return plan;
}

}  // namespace ringrpc::grpcbench
