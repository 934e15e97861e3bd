/// The objects that all commands share: the channel to the server, the call options,
/// and the services that the server or files describe.
///
///   Session session(values);       // on a shard
///   Outcome<std::vector<std::string>> services = co_await session.catalogue.services();
#pragma once

#include <memory>

#include "ringrpc/channel.h"

#include "grpcclient/configuration.h"
#include "grpcclient/failure.h"
#include "reflected/catalogue.h"
#include "reflected/descriptor_source.h"

namespace ringrpc::grpcclient {

struct Session {
  /// `given` must outlive it. `options` are those of the channel that are made from several flags: TLS, the
  /// service config and telemetry. With `described`, reflection is not asked.
  explicit Session(const Values& given, const ChannelOptions& options = {},
                   std::unique_ptr<reflected::DescriptorSource> described = nullptr);

  /// Options for a call that is made now: the time left until the deadline, headers, compression.
  CallOptions call_options() const;
  /// The same for calls that must not last: they may take 30 s if there is no deadline.
  CallOptions short_call_options() const;

  const Values& values;
  Instant deadline;
  Channel channel;
  std::unique_ptr<reflected::DescriptorSource> descriptors;
  reflected::Catalogue catalogue;
};

/// Prints a response on stdout at once. The error is exit_output.
Outcome<bool> print(std::string_view from_server);

}  // namespace ringrpc::grpcclient
