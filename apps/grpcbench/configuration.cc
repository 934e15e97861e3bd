#include "grpcbench/configuration.h"

#include <utility>

#include "common/balancing.h"
#include "common/header_line.h"
#include "common/service_config.h"
#include "common/settings.h"
#include "common/telemetry.h"
#include "rpc/naming/target.h"
#include "signer/algorithm.h"

namespace ringrpc::grpcbench {

using namespace std::chrono_literals;

namespace {

using apps::Setting;

constexpr std::uint64_t message_bytes_max = 1ull << 30;
constexpr std::uint32_t connections_max = 100'000;
constexpr std::uint32_t streams_max = 10'000;
constexpr std::uint32_t threads_max = 1024;
constexpr std::uint32_t calls_max = 4'000'000'000;
/// More than any machine sends. The limit keeps the counting of overdue calls faster than the rate at which
/// calls become due.
constexpr std::uint32_t rate_max = 10'000'000;

constexpr const char* before_help =
    "Calls a method repeatedly and measures how fast the server responds. By default\n"
    "a call starts when the previous one has ended (closed loop). With --rate, calls\n"
    "start on schedule (open loop), and the latency of a call counts from the time\n"
    "at which it was due, so that a stall of the server shows in full.\n";

constexpr const char* after_help =
    "Placeholders in --data and --header:\n"
    "  {{call}}               number of the call, from 0\n"
    "  {{worker}}             number of the stream that makes it, from 0\n"
    "  {{time}}               time of the call, such as 2026-03-01T12:30:05.123Z\n"
    "  {{time_s}}             the same in seconds since 1970; {{time_ms}} and\n"
    "                         {{time_ns}} in milliseconds and nanoseconds\n"
    "  {{random}}             random number from 0 to 2147483647, another one in each\n"
    "                         place\n"
    "  {{random LEAST MOST}}  the same, within these limits\n"
    "  {{uuid}}               random UUID, the same in all places of a call\n"
    "  {{open}}               two opening braces\n"
    "\n"
    "Exit status:\n"
    "  0    all calls succeeded\n"
    "  1    some calls failed, or nothing could be measured: no connection, or a\n"
    "       file that cannot be read or has invalid content; stderr says why\n"
    "  2    a flag or a variable is wrong\n"
    "  130  interrupted; the results so far are shown\n"
    "\n"
    "Examples:\n"
    "  grpcbench --duration 10s --connections 50\n"
    "  grpcbench --rate 2000 --spacing poisson --duration 1m --report report.html\n"
    "  grpcbench --call pkg.Service/Find --data '{\"id\": {{random 1 9}}}' -n 10000\n";

/// A setting that stays empty unless it is given.
template <class T>
Setting text_of(Setting words, std::optional<T>& target, std::function<Result<T>(const std::string&)> parse) {
  words.assign = [&target, parse = std::move(parse)](const std::vector<std::string>& texts) -> Status {
    Result<T> value = parse(texts.back());
    if (!value) return std::move(value).error();
    target = std::move(*value);
    return Status();
  };
  words.show = [shown = words.fallback] { return shown; };
  return words;
}

Setting text_of(Setting words, std::optional<std::string>& target) {
  return text_of<std::string>(std::move(words), target,
                              [](const std::string& text) -> Result<std::string> { return text; });
}

/// The same for any kind of setting, which `make` builds for a plain variable.
template <class T>
Setting given(std::optional<T>& target, const std::function<Setting(T&)>& make) {
  auto value = std::make_shared<T>();
  Setting setting = make(*value);
  setting.assign = [&target, value,
                    assign = std::move(setting.assign)](const std::vector<std::string>& texts) {
    Status status = assign(texts);
    if (status.ok()) target = *value;
    return status;
  };
  setting.show = [shown = setting.fallback] { return shown; };
  return setting;
}

Result<std::string> algorithm_in(const std::string& text) {
  if (algorithm_named(text)) return text;
  std::vector<std::string> names;
  for (const Algorithm each : every_algorithm) names.emplace_back(name(each));
  return std::unexpected(apps::not_among(text, names));
}

void add_server(apps::CommandLine& line, Values& values) {
  const std::string group = "Server";
  line.add(text_of<std::string>(
      {.name = "server",
       .environment = "SERVER_ADDR",
       .group = group,
       .placeholder = "ADDR",
       .help =
           "The server's address: host:port, [v6]:port, dns:///host:port, unix:/path, unix-abstract:name, "
           "vsock:CID:port or hvsock:///path:port; or several with commas between them",
       .fallback = "127.0.0.1:50051"},
      values.server, [](const std::string& text) -> Result<std::string> {
        if (Result<ringrpc::Target> target = ringrpc::Target::parse(text, {}); !target)
          return std::unexpected(target.error());
        return text;
      }));
  line.add(given<Transport>(values.transport, [&](Transport& transport) {
    return apps::choice<Transport>({.name = "transport",
                                    .environment = "TRANSPORT",
                                    .group = group,
                                    .placeholder = "KIND",
                                    .help = "Transport that the address must use: tcp or vsock. Without "
                                            "--server, vsock connects to vsock:1:50051.",
                                    .fallback = "the one of --server"},
                                   transport, {{"tcp", Transport::tcp}, {"vsock", Transport::vsock}});
  }));
  line.add(apps::balancing_setting(
      group, ". With the last two, each of --connections is one to every address", values.balancing));
  line.add(
      apps::timeout({.name = "connect-timeout",
                     .group = group,
                     .placeholder = "TIME",
                     .help = "How long connecting may take, in seconds or with ms, s, m or h, 1ms to 24h. "
                             "After failures an attempt may take as long as the wait before the next "
                             "one, if that is longer."},
                    values.connect_timeout, 24h));
  line.add(apps::service_config_setting(group, values.service_config));
}

void add_calls(apps::CommandLine& line, Values& values) {
  const std::string group = "Calls";
  line.add(given<Target>(values.service, [&](Target& service) {
    return apps::choice<Target>(
        {.name = "service",
         .environment = "SERVICE",
         .also_read = "BENCHMARK_TYPE",
         .group = group,
         .placeholder = "NAME",
         .help = "Service to call: echo (echo.v1.EchoService/Echo), crypto (crypto.v1.CryptoService/Sign) or "
                 "both in turn",
         .fallback = "echo"},
        service, {{"echo", Target::echo}, {"crypto", Target::crypto}, {"both", Target::both}});
  }));
  line.add(given<std::size_t>(values.payload_bytes, [&](std::size_t& bytes) {
    return apps::size(
        {.name = "payload-size",
         .group = group,
         .placeholder = "BYTES",
         .help = "Size of the data that each call echoes or signs, in bytes or with K, M or G, at most 1G",
         .fallback = "16"},
        bytes, {0, message_bytes_max});
  }));
  line.add(text_of<std::string>({.name = "algorithm",
                                 .group = group,
                                 .placeholder = "NAME",
                                 .help = "Algorithm that crypto signs with",
                                 .fallback = "ECDSA_P256_SHA256"},
                                values.algorithm, algorithm_in));
  line.add(text_of(
      {.name = "call",
       .group = group,
       .placeholder = "SERVICE/METHOD",
       .help = "Calls this method instead, of any kind; the server's reflection describes it, or --proto or "
               "--protoset",
       .fallback = "none"},
      values.call));
  line.add(
      text_of({.name = "data",
               .letter = "d",
               .group = group,
               .placeholder = "JSON",
               .help = "Request message for --call, or several one after the other; @FILE reads them from a "
                       "file, - or @ from stdin. If the method takes a stream, each call sends all of them, "
                       "else one in turn. Placeholders such as {{call}} are filled for each call.",
               .fallback = "an empty message"},
              values.data));
  line.add(apps::header_setting(
      group,
      "Metadata to send with each call, and with reflection requests. Repeat the flag for more. Names that "
      "end in -bin take base64, others may have placeholders.",
      values.headers));
  line.add(apps::timeout(
      {.name = "deadline",
       .group = group,
       .placeholder = "TIME",
       .help = "Time limit of a call, from the time at which it was due. A call beyond it counts as "
               "DEADLINE_EXCEEDED and keeps its stream until the server responds. Calls are checked 20 times "
               "within the limit. The deadline is not sent to the server."},
      values.deadline, 24h));
  line.add(apps::size({.name = "max-message-size",
                       .group = group,
                       .placeholder = "BYTES",
                       .help = "Largest response message, at most 1G"},
                      values.max_message_bytes, {1, message_bytes_max}));
  line.add(apps::max_header_list_size(group, values.max_header_list_bytes,
                                      "Largest header or trailer list of a response"));
  line.add(apps::max_header_fields(group, values.max_header_fields,
                                   "Most fields of a header or trailer list of a response"));
}

/// What happens when the server is lost.
void add_outage(apps::CommandLine& line, Values& values) {
  line.add(apps::toggle(
      {.name = "keep-going",
       .group = "Load",
       .help =
           "Goes on when the server cannot be reached any more, and counts the calls that fail until it is "
           "there again. The first connections must be made."},
      values.keep_going));
}

void add_load(apps::CommandLine& line, Values& values) {
  const std::string group = "Load";
  line.add(apps::number({.name = "connections",
                         .letter = "c",
                         .environment = "CONNECTIONS",
                         .also_read = "CONCURRENT_REQUESTS",
                         .group = group,
                         .placeholder = "N",
                         .help = "Connections over all threads, 1 to 100000"},
                        values.connections, {1, connections_max}));
  line.add(given<std::uint32_t>(values.streams, [&](std::uint32_t& streams) {
    return apps::number(
        {.name = "streams",
         .group = group,
         .placeholder = "N",
         .help = "Maximum calls in flight on each connection, 1 to 10000, and 1000000 in total",
         .fallback = "1, or 100 with --rate"},
        streams, {1, streams_max});
  }));
  line.add(given<std::uint32_t>(values.threads, [&](std::uint32_t& threads) {
    return apps::number({.name = "threads",
                         .environment = "THREADS",
                         .group = group,
                         .placeholder = "N",
                         .help = "Threads that make calls, 1 to 1024",
                         .fallback = "one per usable core, at most 4 and --connections"},
                        threads, {1, threads_max});
  }));
  line.add(
      apps::io_backend(group, values.io,
                       "Kernel interface: uring, epoll, or auto, which uses io_uring where it is available "
                       "and epoll elsewhere"));
  line.add(apps::spin(group, values.spin,
                      "How many microseconds, at most 1000, an idle thread polls before it sleeps, while "
                      "responses keep arriving within that time. 0 never polls."));
  line.add(given<std::uint32_t>(values.requests, [&](std::uint32_t& requests) {
    return apps::number({.name = "requests",
                         .letter = "n",
                         .environment = "REQUESTS",
                         .also_read = "TOTAL_REQUESTS",
                         .group = group,
                         .placeholder = "N",
                         .help = "Calls to make; with --duration, the run ends at whichever comes first",
                         .fallback = "1000, or no limit with --duration"},
                        requests, {1, calls_max});
  }));
  line.add(apps::duration(
      {.name = "duration",
       .environment = "DURATION",
       .group = group,
       .placeholder = "TIME",
       .help = "Time in which calls are started, and after which streams that the server does not end are "
               "cancelled; 0 means until --requests have been made",
       .fallback = "0s"},
      values.duration, 24h));
  line.add(apps::duration({.name = "warmup",
                           .group = group,
                           .placeholder = "TIME",
                           .help = "Time in which calls are made before the run, uncounted"},
                          values.warmup, 24h));
  line.add(apps::number(
      {.name = "rate",
       .environment = "RATE_LIMIT",
       .group = group,
       .placeholder = "N",
       .help = "Calls to start per second, over all connections, at most 10000000; 0 starts each call "
               "when the previous one has ended"},
      values.rate, {0, rate_max}));
  line.add(given<Spacing>(values.spacing, [&](Spacing& spacing) {
    return apps::choice<Spacing>(
        {.name = "spacing",
         .group = group,
         .placeholder = "KIND",
         .help = "Spacing of the calls of --rate: constant, or poisson, like many independent clients",
         .fallback = "constant"},
        spacing, {{"constant", Spacing::constant}, {"poisson", Spacing::poisson}});
  }));
}

void add_output(apps::CommandLine& line, Values& values) {
  const std::string group = "Output";
  line.add(apps::choice<Format>({.name = "output",
                                 .letter = "o",
                                 .group = group,
                                 .placeholder = "FORMAT",
                                 .help = "Format of the results on stdout: text, json or csv"},
                                values.output,
                                {{"text", Format::text}, {"json", Format::json}, {"csv", Format::csv}}));
  line.add(given<std::string>(values.report, [&](std::string& report) {
    return apps::path({.name = "report",
                       .group = group,
                       .placeholder = "FILE",
                       .help = "Also writes an HTML page with charts to this file"},
                      report);
  }));
  line.add(apps::telemetry(group, values.telemetry));
  line.add(apps::log_level(group, values.log_level));
  line.add(apps::log_format(group, values.log_format));
}

Status not_together(std::string why) { return fail(Code::INVALID_ARGUMENT, std::move(why)); }

/// Drops `value` if the setting `rival`, which excludes it, comes from a source of higher precedence.
template <class T>
void yield(std::optional<T>& value, const apps::Origins& origins, std::string_view name,
           std::string_view rival) {
  if (value && origins.beats(rival, name)) value.reset();
}

/// Resolves the settings that select the method and its messages.
Status settle_target(Values& values, const apps::Origins& origins) {
  yield(values.service, origins, "service", "call");
  yield(values.call, origins, "call", "service");
  if (values.call && values.service)
    return not_together(origins.of("call") + " and " + origins.of("service") +
                        " both select the method to call; leave one out");
  if (!values.call) yield(values.data, origins, "data", "service");
  if (values.data && !values.call) return not_together(origins.of("data") + " is only for --call");
  if (values.descriptors.any() && !values.call)
    return not_together(origins.of(values.descriptors.protos.empty() ? "protoset" : "proto") +
                        " is only for --call");
  if (values.call) yield(values.payload_bytes, origins, "payload-size", "call");
  if (values.call && values.payload_bytes)
    return not_together(origins.of("payload-size") + " is only for --service; " + origins.of("call") +
                        " takes its message from --data");
  const bool signs = values.service == Target::crypto || values.service == Target::both;
  if (!signs) yield(values.algorithm, origins, "algorithm", values.call ? "call" : "service");
  if (values.algorithm && !signs)
    return not_together(origins.of("algorithm") + " is only for --service crypto or both");
  return {};
}

Status settle(Values& values, const apps::Origins& origins) {
  if (Status status = settle_target(values, origins); !status.ok()) return status;
  if (values.threads > values.connections) yield(values.threads, origins, "threads", "connections");
  if (values.rate > 0) return {};
  yield(values.spacing, origins, "spacing", "rate");
  return values.spacing ? not_together(origins.of("spacing") + " needs --rate") : Status();
}

}  // namespace

Configuration::Configuration() : line("grpcbench", "Load-tests gRPC servers.") {
  line.explain(before_help, after_help);
  add_server(line, values);
  apps::add_client_tls(line, values.tls);
  add_calls(line, values);
  reflected::add_descriptor_files(line, "Descriptors", values.descriptors);
  add_load(line, values);
  add_outage(line, values);
  add_output(line, values);
  line.settle([this](const apps::Origins& origins) { return settle(values, origins); });
}

}  // namespace ringrpc::grpcbench
