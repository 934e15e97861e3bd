#include "telemetry/environment.h"

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

using Variables = std::map<std::string, std::string>;

struct Read {
  Result<TelemetryOptions> options;
  std::vector<std::string> warnings;

  /// True if the only warning begins with the variable and contains `text`.
  bool warns(std::string_view variable, std::string_view text = {}) const {
    return warnings.size() == 1 && warnings[0].starts_with(std::string(variable) + ": ") &&
           warnings[0].contains(text);
  }
};

Read read(const Variables& variables) {
  Read read;
  read.options = read_environment(
      [&](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      read.warnings);
  return read;
}

TelemetryOptions options_of(const Variables& variables) {
  const Read found = read(variables);
  CAPTURE(found.warnings.size());
  REQUIRE(found.warnings.empty());
  REQUIRE_MESSAGE(found.options, found.options.error().message());
  return *found.options;
}

std::string refusal(const Variables& variables) {
  const Read found = read(variables);
  REQUIRE(!found.options);
  CHECK(found.options.error().code() == Code::INVALID_ARGUMENT);
  return std::string(found.options.error().message());
}

}  // namespace

TEST_CASE("without variables, both signals go to localhost in plaintext") {
  const TelemetryOptions options = options_of({});
  for (const OtlpOptions* signal : {&options.traces, &options.metrics}) {
    CHECK(signal->enabled);
    CHECK(signal->target == "localhost:4317");
    CHECK(!signal->tls);
    CHECK(signal->headers.empty());
    CHECK(signal->compression == Compression::identity);
    CHECK(signal->timeout == 10s);
  }
  CHECK(options.max_queued_spans == 2'048);
  CHECK(options.max_batch_spans == 512);
  CHECK(options.batch_delay == 5s);
  CHECK(options.batch_timeout == 30s);
  CHECK(options.metric_interval == 60s);
  CHECK(options.metric_timeout == 30s);
}

TEST_CASE("an empty variable counts as none") {
  const TelemetryOptions options = options_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", ""},
                                               {"OTEL_EXPORTER_OTLP_PROTOCOL", " "},
                                               {"OTEL_BSP_MAX_QUEUE_SIZE", ""},
                                               {"OTEL_SDK_DISABLED", ""},
                                               {"OTEL_TRACES_EXPORTER", ""}});
  CHECK(options.traces.enabled);
  CHECK(options.traces.target == "localhost:4317");
}

TEST_CASE("an endpoint is a URL, or a target of a channel") {
  const auto target = [](const std::string& endpoint, const std::string& insecure = "") {
    return options_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", endpoint}, {"OTEL_EXPORTER_OTLP_INSECURE", insecure}})
        .traces.target;
  };
  CHECK(target("http://collector:4000") == "collector:4000");
  CHECK(target("http://collector/") == "collector:4317");
  CHECK(target("http://[::1]") == "[::1]:4317");
  CHECK(target("http://[::1]:1") == "[::1]:1");
  CHECK(target("https://collector:443") == "tls+collector:443");
  CHECK(target("collector:1", "true") == "collector:1");
  CHECK(target("collector:1", "TRUE") == "collector:1");
  CHECK(target("collector:1", "false") == "tls+collector:1");
  CHECK(target("collector:1") == "tls+collector:1");
  CHECK(target("https://collector:1", "true") == "tls+collector:1");  // the scheme decides
  CHECK(target("unix:/run/collector", "true") == "unix:/run/collector");
}

TEST_CASE("another scheme is refused by its name") {
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x"}}) ==
        "OTEL_EXPORTER_OTLP_ENDPOINT: \"ftp://x\": the scheme of a URL must be http or https; for example "
        "http://localhost:4317");
}

TEST_CASE("variables that have no effect get one warning") {
  CHECK(read({{"OTEL_TRACES_SAMPLER_ARG", "0.5"}}).warns("OTEL_TRACES_SAMPLER_ARG", "traceidratio"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"}})
            .warns("OTEL_EXPORTER_OTLP_CERTIFICATE", "plaintext"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_TIMEOUT", "x"}}).warns("OTEL_EXPORTER_OTLP_TIMEOUT", "x"));
}

TEST_CASE("the variables of a signal take precedence over the common ones") {
  const TelemetryOptions options = options_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://common:1"},
                                               {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2"},
                                               {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                                               {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "b=2"},
                                               {"OTEL_EXPORTER_OTLP_TIMEOUT", "1000"},
                                               {"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2000"},
                                               {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"}});
  CHECK(options.traces.target == "traces:2");
  CHECK(options.metrics.target == "common:1");
  CHECK(options.traces.headers.find("a") == "1");
  CHECK(!options.metrics.headers.find("a"));
  CHECK(options.metrics.headers.find("b") == "2");
  CHECK(options.traces.timeout == 1s);
  CHECK(options.metrics.timeout == 2s);
  CHECK(options.traces.compression == Compression::gzip);
  CHECK(options.metrics.compression == Compression::identity);
}

TEST_CASE("headers are percent-decoded, and their names become lower case") {
  const Metadata headers =
      options_of({{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x%3Dy , ,x-tenant = one"}})
          .traces.headers;
  CHECK(headers.size() == 2);
  CHECK(headers.find("authorization") == "Bearer x=y");
  CHECK(headers.find("x-tenant") == "one");
}

TEST_CASE("values without which data would go wrong are refused, and quoted values are no secrets") {
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://"}}).starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "));
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nowhere"}})
            .starts_with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "));
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@x:1"}}).find("secret") ==
        std::string::npos);
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}).contains("\"grpc\""));
  CHECK(refusal({{"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"}})
            .starts_with("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "));
  for (const char* const headers : {"a", "=x", "a b=1", "a=%zz", "a=%4", "grpc-x=1", "a=1,secret", "a=%0a"}) {
    CAPTURE(headers);
    const std::string message = refusal({{"OTEL_EXPORTER_OTLP_HEADERS", headers}});
    CHECK(message.starts_with("OTEL_EXPORTER_OTLP_HEADERS: "));
    CHECK(!message.contains("secret"));
  }
}

TEST_CASE("certificates that cannot be used are refused") {
  const std::string message = refusal({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://x:1"},
                                       {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/client.pem"}});
  CHECK(message.starts_with("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "));
  CHECK(message.contains("OTEL_EXPORTER_OTLP_CLIENT_KEY"));
  const Read absent = read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://x:1"},
                            {"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/no/such/file"}});
  REQUIRE(!absent.options);
  CHECK(absent.options.error().message().contains("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"));
  CHECK(absent.options.error().message().contains("/no/such/file"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"}}).options);  // plaintext needs none
}

TEST_CASE("a signal that is not exported needs no valid endpoint") {
  const Variables none{{"OTEL_TRACES_EXPORTER", "none"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nonsense"}};
  CHECK(!options_of(none).traces.enabled);
  CHECK(options_of(none).metrics.enabled);
  const TelemetryOptions disabled =
      options_of({{"OTEL_SDK_DISABLED", "True"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "nonsense"}});
  CHECK(!disabled.traces.enabled);
  CHECK(!disabled.metrics.enabled);
}

TEST_CASE("the name of the service overrides that of the resource attributes") {
  const auto attribute = [](const TelemetryOptions& options, std::string_view key) {
    const auto found = std::ranges::find(options.resource, key,
                                         [](const auto& pair) -> std::string_view { return pair.first; });
    return found == options.resource.end() ? "" : found->second;
  };
  const TelemetryOptions both = options_of(
      {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=a,zone=x%2Cy,zone=z"}, {"OTEL_SERVICE_NAME", "b"}});
  CHECK(both.resource.size() == 2);
  CHECK(attribute(both, "service.name") == "b");
  CHECK(attribute(both, "zone") == "z");
  CHECK(attribute(options_of({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=a"}}), "service.name") == "a");
}

TEST_CASE("resource attributes with a fault are ignored as a whole, with a warning") {
  const Read found = read({{"OTEL_RESOURCE_ATTRIBUTES", "zone=x,fault"}});
  CHECK(found.warns("OTEL_RESOURCE_ATTRIBUTES", "pair 2"));
  CHECK(found.options->resource.empty());
}

TEST_CASE("numbers and names that are not understood get a warning, and the default applies") {
  for (const char* const text : {"x", "-1", "0", "1e3", "5 s", "1000001", "99999999999999999999"}) {
    CAPTURE(text);
    const Read found = read({{"OTEL_BSP_MAX_QUEUE_SIZE", text}});
    CHECK(found.warns("OTEL_BSP_MAX_QUEUE_SIZE", text));
    CHECK(found.options->max_queued_spans == 2'048);
  }
  CHECK(read({{"OTEL_METRIC_EXPORT_INTERVAL", "0"}}).warns("OTEL_METRIC_EXPORT_INTERVAL"));
  CHECK(read({{"OTEL_SDK_DISABLED", "yes"}}).warns("OTEL_SDK_DISABLED", "false"));
  CHECK(read({{"OTEL_TRACES_EXPORTER", "console"}}).warns("OTEL_TRACES_EXPORTER", "otlp, none"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "lz4"}})
            .warns("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"}})
            .warns("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative"));
  CHECK(read({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x:1/v1/traces"}})
            .warns("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "path"));
}

TEST_CASE("the sampler follows its variables") {
  const auto samples = [](const Variables& variables, const TraceContext* parent) {
    return options_of(variables).sampler.samples(TraceId{1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff}, parent);
  };
  TraceContext sampled;
  sampled.flags = TraceContext::sampled_flag;
  const TraceContext unsampled;
  struct Row {
    const char* sampler;
    const char* argument;
    bool root, with_sampled, with_unsampled;
  };
  for (const Row& row :
       {Row{"", "", true, true, false}, Row{"always_on", "", true, true, true},
        Row{"always_off", "", false, false, false}, Row{"traceidratio", "", true, true, true},
        Row{"traceidratio", "0", false, false, false}, Row{"parentbased_always_on", "", true, true, false},
        Row{"parentbased_always_off", "", false, true, false},
        Row{"parentbased_traceidratio", "0.0", false, true, false},
        Row{"PARENTBASED_TRACEIDRATIO", "1", true, true, false}}) {
    CAPTURE(row.sampler);
    const Variables variables{{"OTEL_TRACES_SAMPLER", row.sampler},
                              {"OTEL_TRACES_SAMPLER_ARG", row.argument}};
    CHECK(samples(variables, nullptr) == row.root);
    CHECK(samples(variables, &sampled) == row.with_sampled);
    CHECK(samples(variables, &unsampled) == row.with_unsampled);
  }
  CHECK(read({{"OTEL_TRACES_SAMPLER", "jaeger_remote"}}).warns("OTEL_TRACES_SAMPLER", "always_on"));
  for (const char* const ratio : {"x", "-0.1", "1.1", "nan", "0,5"})
    CHECK(read({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", ratio}})
              .warns("OTEL_TRACES_SAMPLER_ARG", ratio));
}

TEST_CASE("propagators that do not exist get a warning") {
  CHECK(!options_of({{"OTEL_PROPAGATORS", "tracecontext, baggage"}}).send_trace_bin);
  CHECK(options_of({{"OTEL_PROPAGATORS", "grpc-trace-bin,tracecontext"}}).send_trace_bin);
  CHECK(read({{"OTEL_PROPAGATORS", "b3"}}).warns("OTEL_PROPAGATORS", "b3"));
  CHECK(options_of({}).propagate);
  CHECK(read({{"OTEL_PROPAGATORS", "b3"}}).options->propagate);
  CHECK_FALSE(options_of({{"OTEL_PROPAGATORS", " none "}}).propagate);
  CHECK(read({{"OTEL_PROPAGATORS", "none,grpc-trace-bin"}}).options->propagate);
  CHECK(read({{"OTEL_PROPAGATORS", "none,grpc-trace-bin"}}).warns("OTEL_PROPAGATORS", "none"));
}

TEST_CASE("batches are no larger than the queue") {
  CHECK(options_of({{"OTEL_BSP_MAX_QUEUE_SIZE", "100"}}).max_batch_spans == 100);
  const Read found = read({{"OTEL_BSP_MAX_QUEUE_SIZE", "100"}, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "101"}});
  CHECK(found.warns("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"));
  CHECK(found.options->max_batch_spans == 100);
  CHECK(options_of({{"OTEL_BSP_MAX_QUEUE_SIZE", "100"}, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7"}})
            .max_batch_spans == 7);
}

TEST_CASE("a timeout of zero means no limit") {
  const TelemetryOptions options = options_of({{"OTEL_EXPORTER_OTLP_TIMEOUT", "0"},
                                               {"OTEL_BSP_EXPORT_TIMEOUT", "0"},
                                               {"OTEL_METRIC_EXPORT_TIMEOUT", "0"},
                                               {"OTEL_BSP_SCHEDULE_DELAY", "0"}});
  CHECK(options.traces.timeout > 1000h);
  CHECK(options.batch_timeout > 1000h);
  CHECK(options.metric_timeout > 1000h);
  CHECK(options.batch_delay == 0s);
}

}  // namespace ringrpc::telemetry
