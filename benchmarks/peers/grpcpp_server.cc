// The server on grpc++'s callback API for peers.py: grpcpp-server HOST:PORT [CERTIFICATE KEY]. Runs until
// SIGTERM.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "echo.grpc.pb.h"
#include "streams.grpc.pb.h"

namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class EchoService final : public echo::v1::EchoService::CallbackService {
  ServerUnaryReactor* Echo(CallbackServerContext* context, const echo::v1::EchoRequest* request,
                           echo::v1::EchoResponse* response) override {
    response->set_payload(request->payload());
    response->set_request_id(request->request_id());
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class Feeder final : public grpc::ServerWriteReactor<bench::Message> {
 public:
  explicit Feeder(const bench::FeedRequest& request) : left_(request.messages()) {
    message_.set_payload(request.payload());
    write_next();
  }

 private:
  void OnWriteDone(bool ok) override { ok ? write_next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

  void write_next() {
    if (left_-- > 0) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }

  std::int64_t left_;
  bench::Message message_;
};

class Ponger final : public grpc::ServerBidiReactor<bench::Message, bench::Message> {
 public:
  Ponger() { StartRead(&message_); }

 private:
  void OnReadDone(bool ok) override { ok ? StartWrite(&message_) : Finish(grpc::Status::OK); }
  void OnWriteDone(bool ok) override { ok ? StartRead(&message_) : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

  bench::Message message_;
};

class StreamsService final : public bench::Streams::CallbackService {
  ServerUnaryReactor* Unary(CallbackServerContext* context, const bench::Message* request,
                            bench::Message* response) override {
    *response = *request;
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<bench::Message>* Feed(CallbackServerContext*,
                                                 const bench::FeedRequest* request) override {
    return new Feeder(*request);
  }

  grpc::ServerBidiReactor<bench::Message, bench::Message>* PingPong(CallbackServerContext*) override {
    return new Ponger;
  }
};

std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ServerCredentials> credentials(int count, char** arguments) {
  if (count < 4) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({read(arguments[3]), read(arguments[2])});
  return grpc::SslServerCredentials(options);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) return std::cerr << "usage: grpcpp-server HOST:PORT [CERTIFICATE KEY]\n", 2;
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before grpc++ starts threads, which inherit the mask

  EchoService echo;
  StreamsService streams;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(arguments[1], credentials(count, arguments));
  builder.RegisterService(&echo);
  builder.RegisterService(&streams);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;  // grpc++ has logged the reason
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
}
