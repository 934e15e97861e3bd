/// What the commands share: the channel to the server, the options of calls, and what reflection tells.
///
///   Session session(values);       // on a shard
///   Outcome<std::vector<std::string>> services = co_await session.catalogue.services();
#pragma once

#include <memory>

#include "ringrpc/channel.h"

#include "grpcclient/configuration.h"
#include "grpcclient/failure.h"
#include "reflected/catalogue.h"
#include "reflected/reflection_client.h"

namespace ringrpc::grpcclient {

struct Session {
  /// `given` must outlive it; `tls` is null for plaintext.
  explicit Session(const Values& given, const std::shared_ptr<const ClientTls>& tls = nullptr);

  /// For a call that is made now: what is left until the deadline, headers, compression.
  CallOptions call_options() const;

  const Values& values;
  Instant deadline;
  Channel channel;
  ReflectionClient reflection;
  Catalogue catalogue;
};

/// Prints an answer on stdout at once. Failure with exit_output when it could not be written.
Outcome<bool> print(std::string_view from_server);

}  // namespace ringrpc::grpcclient
