#include "grpcclient/configuration.h"

#include <utility>

#include "common/balancing.h"
#include "common/header_line.h"
#include "common/service_config.h"
#include "common/settings.h"
#include "common/telemetry.h"
#include "rpc/naming/target.h"

namespace ringrpc::grpcclient {

using namespace std::chrono_literals;

namespace {

using apps::Setting;

constexpr std::uint64_t message_bytes_max = 1ull << 30;

constexpr const char* commands_help =
    "Commands:\n"
    "  list [ADDR] [SERVICE]     Lists the services, or the methods of one service\n"
    "  describe [ADDR] [SYMBOL]  Shows a service, method, message, enum or field as\n"
    "                            .proto text, or all services\n"
    "  call [ADDR] SERVICE/METHOD\n"
    "                            Calls a method of any kind: JSON in, JSON out\n"
    "  health [ADDR] [SERVICE]   Prints SERVING or NOT_SERVING: the state of the\n"
    "                            server or of one service, by grpc.health.v1\n"
    "  demo [ADDR]               Measures grpcd: sends four messages of growing size\n"
    "                            to its echo service, lets its crypto service sign\n"
    "                            with each kind of key, and verifies the signatures\n"
    "\n"
    "ADDR is host:port, [v6]:port, dns:///host:port, unix:/path, unix-abstract:name,\n"
    "vsock:CID:port or hvsock:///path:port, or several of these with commas between\n"
    "them, of which --lb chooses one for each call. The prefix tls+ is for TLS.\n"
    "list, describe and call ask the server's reflection for its services, unless\n"
    "--proto or --protoset describes them. Responses go to stdout, everything else to\n"
    "stderr.\n";

constexpr const char* examples_help =
    "Exit status:\n"
    "  0     success\n"
    "  1-16  the call failed, with this gRPC code: 4 is DEADLINE_EXCEEDED,\n"
    "        12 UNIMPLEMENTED (or no reflection), 14 UNAVAILABLE (or no connection)\n"
    "  64    a flag, argument or variable is wrong\n"
    "  65    the data is not JSON or does not fit the message\n"
    "  66    the server or the files describe no such service, method or symbol\n"
    "  69    health found that the server or the service is not serving\n"
    "  71    a file cannot be read or has invalid content, or the system refused\n"
    "        something: io_uring, memory\n"
    "  74    the output could not be written to stdout\n"
    "  76    the server's descriptors or responses are invalid\n"
    "\n"
    "Examples:\n"
    "  grpcclient list localhost:50051\n"
    "  grpcclient describe localhost:50051 echo.v1.EchoRequest\n"
    "  grpcclient call echo.v1.EchoService/Echo -d '{\"requestId\": \"1\"}'\n"
    "  grpcclient health tls+example.org:443 pkg.Service\n"
    "  grpcclient describe --proto api/echo.proto echo.v1.EchoService\n"
    "  generate | grpcclient call unix:/run/x pkg.Service/Upload -d - | jq .total\n";

Setting text_of(Setting words, std::function<Status(const std::string&)> take, std::string fallback) {
  words.fallback = std::move(fallback);
  words.file_type = apps::FileType::text;
  words.assign = [take = std::move(take)](const std::vector<std::string>& texts) {
    return take(texts.back());
  };
  words.show = [shown = words.fallback] { return shown; };
  return words;
}

void add_request(apps::CommandLine& line, Values& values) {
  const std::string group = "Request";
  line.add(text_of(
      {.name = "data",
       .letter = "d",
       .group = group,
       .placeholder = "JSON",
       .help =
           "Request message, or several one after the other for a method that takes a stream. - or @ reads "
           "them from stdin, @FILE from a file, and sends each as soon as it is complete."},
      [&values](const std::string& text) {
        values.data = text;
        return Status();
      },
      "an empty message; stdin for a method that takes a stream"));
  line.add(apps::header_setting(
      group,
      "Metadata to send, with reflection requests too. Repeat the flag for more. Names that end "
      "in -bin take base64.",
      values.headers));
  line.add(apps::choice<Compression>(
      {.name = "compress",
       .group = group,
       .placeholder = "KIND",
       .help = "How requests are compressed: gzip, deflate, zstd or none; compressed responses are always "
               "accepted"},
      values.compression,
      {{"none", Compression::identity},
       {"gzip", Compression::gzip},
       {"deflate", Compression::deflate},
       {"zstd", Compression::zstd}}));
  line.add(
      apps::choice<DemoKey>({.name = "key",
                             .group = group,
                             .placeholder = "KIND",
                             .help = "Keys that demo requests signatures from: rsa, ecc, ed25519, all or "
                                     "none"},
                            values.demo_key,
                            {{"rsa", DemoKey::rsa},
                             {"ecc", DemoKey::ecc},
                             {"ed25519", DemoKey::ed25519},
                             {"all", DemoKey::all},
                             {"none", DemoKey::none}}));
  line.add(apps::toggle(
      {.name = "watch",
       .group = group,
       .help = "Lets health print each change of the state, until the server or --deadline ends the call"},
      values.watch));
}

void add_connection(apps::CommandLine& line, Values& values) {
  const std::string group = "Connection";
  line.add(text_of(
      {.name = "address",
       .environment = "SERVER_ADDR",
       .group = group,
       .placeholder = "ADDR",
       .help = "The server's address, if the command has no ADDR"},
      [&values](const std::string& text) -> Status {
        if (Result<Target> target = Target::parse(text, {}); !target) return target.error();
        values.address = text;
        return Status();
      },
      values.address));
  line.add(apps::duration(
      {.name = "deadline",
       .group = group,
       .placeholder = "TIME",
       .help = "How long reflection and the call may take, in seconds or with ms, s, m or h, at most 24h; "
               "0 for no limit",
       .fallback = "0"},
      values.deadline, 24h));
  line.add(apps::timeout(
      {.name = "connect-timeout",
       .group = group,
       .placeholder = "TIME",
       .help = "How long connecting may take, 1ms to 24h. After failures an attempt may take as "
               "long as the wait before the next one, if that is longer."},
      values.connect_timeout, 24h));
  line.add(apps::balancing_setting(group, "", values.balancing));
  line.add(apps::service_config_setting(group, values.service_config));
  line.add(apps::size({.name = "max-message-size",
                       .group = group,
                       .placeholder = "BYTES",
                       .help = "Largest response message, in bytes or with K, M or G, at most 1G"},
                      values.max_message_bytes, {1, message_bytes_max}));
  line.add(apps::max_header_list_size(group, values.max_header_list_bytes,
                                      "Largest header or trailer list of a response"));
  line.add(apps::max_header_fields(group, values.max_header_fields,
                                   "Most fields of a header or trailer list of a response"));
  line.add(
      apps::io_backend(group, values.io,
                       "Kernel interface: uring, epoll, or auto, which uses io_uring where it is available"));
}

void add_output(apps::CommandLine& line, Values& values) {
  const std::string group = "Output";
  line.add(apps::toggle({.name = "compact", .group = group, .help = "Prints each response on one line"},
                        values.compact));
  line.add(apps::toggle({.name = "emit-defaults",
                         .group = group,
                         .help = "Prints fields that have their default value as well"},
                        values.emit_defaults));
  line.add(apps::toggle({.name = "verbose",
                         .letter = "v",
                         .group = group,
                         .help = "Shows headers, trailers and times on stderr"},
                        values.verbose));
  line.add(apps::telemetry(group, values.telemetry));
  line.add(apps::log_level(group, values.log_level));
  line.add(apps::log_format(group, values.log_format));
}

}  // namespace

Configuration::Configuration()
    : line("grpcclient", "Calls any method of a gRPC server, with JSON in and JSON out.") {
  line.take_words("COMMAND [ADDR] [SYMBOL]");
  line.explain(commands_help, examples_help);
  add_request(line, values);
  reflected::add_descriptor_files(line, "Descriptors", values.descriptors);
  add_connection(line, values);
  apps::add_client_tls(line, values.tls);
  add_output(line, values);
}

}  // namespace ringrpc::grpcclient
