// A server and a client that authenticate each other with certificates. The certificate files are in the
// current folder; the script `certificates` makes them.
#include <iostream>

#include "ringrpc/allow_list.h"
#include "ringrpc/block_on.h"
#include "ringrpc/server.h"
#include "ringrpc/tls.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace weather::v1;

class Station final : public Weather::Service {
  // [identity]
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest) override {
    const PeerIdentity peer = call.peer_identity();
    Reading reading;
    reading.set_station(peer.certificate ? peer.certificate->spiffe_id : "nobody known");
    co_return reading;
  }
  // [/identity]
};

static int ask() {
  // [client]
  auto tls = ClientTls::load({.authorities = Pem::file("ca.pem"),
                              .certificate = Pem::file("client.pem"),
                              .private_key = Pem::file("client.key")});
  if (!tls) return std::cerr << tls.error().message() << '\n', 1;
  ChannelOptions options;
  options.tls = *tls;
  Channel channel("localhost:50053", options);
  // [/client]
  Weather::Stub weather(channel);
  auto reading = block_on(weather.GetReading(GetReadingRequest()));
  if (!reading) return std::cerr << reading.error().message() << '\n', 1;
  std::cout << "for " << reading->station() << '\n';
  return 0;
}

int main() {
  Station station;
  // [server]
  auto tls = ServerTls::load({.certificate = Pem::file("server.pem"),
                              .private_key = Pem::file("server.key"),
                              .client_authorities = Pem::file("ca.pem")});
  if (!tls) return std::cerr << tls.error().message() << '\n', 1;
  ServerOptions options;
  options.tls = *tls;
  options.listen = {"tls+tcp://127.0.0.1:50053", "unix:/tmp/weather.sock"};  // the socket stays plaintext
  // [/server]
  // [allowed]
  AllowList allowed;
  if (Status status = allowed.add("/weather.v1.Weather/*", "spiffe://example.org/display/*"); !status.ok())
    return std::cerr << status.message() << '\n', 1;
  options.interceptors = {&allowed};
  // [/allowed]
  auto server = Server::start({&station}, options);
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  const int status = ask();
  // [reload]
  if (Status refused = (*tls)->reload(); !refused.ok()) std::cerr << refused.message() << '\n';
  // [/reload]
  return status;
}
