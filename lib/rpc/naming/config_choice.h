/// Chooses among the service configs that a name has (gRFC A2,
/// https://github.com/grpc/proposal/blob/master/A2-service-configs-in-dns.md).
///
///   Result<std::string> json = choose_config(text, ConfigReader::here());
///
/// The text is a list of objects, of which the first counts whose conditions all hold:
///   clientLanguage   a list of languages, in any case of letters; "c++" is this client's
///   percentage       of the clients
///   clientHostname   a list of the names of machines
///   serviceConfig    the service config
/// An empty list is no condition.
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc {

/// The client that reads a service config.
struct ConfigReader {
  std::string hostname;
  unsigned percentile = 0;  ///< from 0 to 99: it belongs to a share that is larger than this

  /// This machine, with a percentile drawn at random.
  static ConfigReader here();
};

/// The service config, as JSON; empty if none is for this client. INVALID_ARGUMENT
/// names the field that is wrong.
Result<std::string> choose_config(std::string_view choices, const ConfigReader& reader);

}  // namespace ringrpc
