#include "grpcclient/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/escape.h"
#include "common/output.h"
#include "reflected/reflection_client.h"

namespace ringrpc::grpcclient {

using reflected::DescriptorSource;
using reflected::ReflectionClient;

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds short_call_timeout = 30s;

ChannelOptions channel_options(const Values& values, ChannelOptions options) {
  options.max_message_bytes = values.max_message_bytes;
  options.max_header_list_bytes = values.max_header_list_bytes;
  options.max_header_fields = values.max_header_fields;
  options.connect_timeout = values.connect_timeout;
  options.balancing = apps::policy_of(values.balancing);
  return options;
}

CallOptions reflection_options(const Session& session) {
  CallOptions options = session.short_call_options();
  options.compression = Compression::identity;  // every server accepts it
  return options;
}

}  // namespace

Session::Session(const Values& given, const ChannelOptions& options,
                 std::unique_ptr<DescriptorSource> described)
    : values(given),
      deadline(values.deadline.count() == 0 ? never
                                            : after(std::chrono::steady_clock::now(), values.deadline)),
      channel(values.address, channel_options(values, options)),
      descriptors(described ? std::move(described)
                            : std::make_unique<ReflectionClient>(
                                  channel, [this] { return reflection_options(*this); })),
      catalogue(*descriptors) {}

CallOptions Session::call_options() const {
  CallOptions options;
  if (deadline != never)
    options.timeout = std::max(Nanoseconds(0), Nanoseconds(deadline - std::chrono::steady_clock::now()));
  options.metadata = values.headers;
  options.compression = values.compression;
  return options;
}

CallOptions Session::short_call_options() const {
  CallOptions options = call_options();
  if (deadline == never) options.timeout = short_call_timeout;
  return options;
}

Outcome<bool> print(std::string_view from_server) {
  const std::string text = escape_controls(from_server, std::string_view::npos, "\n\t");
  const Status status = apps::print(text);
  if (!status.ok()) return fail_with(exit_output, std::string(status.message()));
  return true;
}

}  // namespace ringrpc::grpcclient
