// Settings of grpcbench and the plans that it makes of them.
#include "grpcbench/plan.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <sstream>

#include "apps/scratch_file.h"
#include "reactor/cpus.h"
#include "text_data.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

Result<Plan> plan_of(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  static const Variables* present;
  present = &variables;
  Configuration configuration;
  const Result<apps::Action> action = configuration.line.read(arguments, [](const char* name) -> const char* {
    const auto found = present->find(name);
    return found == present->end() ? nullptr : found->second.c_str();
  });
  if (!action) return std::unexpected(action.error());
  return make_plan(configuration.values, configuration.line.origins());
}

std::string refusal(const std::vector<std::string>& arguments) {
  const Result<Plan> plan = plan_of(arguments);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().code() == Code::INVALID_ARGUMENT);
  return std::string(plan.error().message());
}

TEST_CASE("errors name the source of a setting, and a flag lowers a number of threads from the environment") {
  const Result<Plan> fewer = plan_of({"--connections", "2"}, {{"THREADS", "8"}});
  REQUIRE(fewer);
  CHECK(fewer->threads <= 2);
  const Result<Plan> refused = plan_of({"--threads", "3"}, {{"CONNECTIONS", "2"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() ==
        "--threads 3 needs at least as many connections, and environment: CONNECTIONS is 2");
  const Result<Plan> elsewhere = plan_of({"--server", "127.0.0.1:1"}, {{"TRANSPORT", "vsock"}});
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().message().starts_with(
      "environment: TRANSPORT vsock contradicts --server 127.0.0.1:1; "));
}

TEST_CASE("without flags it is a thousand echoes over ten connections") {
  const Result<Plan> plan = plan_of({});
  REQUIRE(plan);
  CHECK(plan->server == "127.0.0.1:50051");
  CHECK(plan->connections == 10);
  CHECK(plan->streams == 1);
  CHECK(plan->threads == std::min(usable_cpu_count(), 4u));
  CHECK(plan->calls == 1000);
  CHECK_FALSE(plan->duration);
  CHECK_FALSE(plan->pace);
  REQUIRE(plan->operations.size() == 1);
  CHECK(plan->operations[0].name == "echo.v1.EchoService/Echo");
}

TEST_CASE("a duration replaces the default number of calls, and both limit the run if both are given") {
  const Result<Plan> timed = plan_of({"--duration", "30"});
  REQUIRE(timed);
  CHECK(timed->duration == 30s);
  CHECK_FALSE(timed->calls);
  const Result<Plan> both = plan_of({"--duration", "2m", "--requests", "5"});
  REQUIRE(both);
  CHECK(both->duration == 2min);
  CHECK(both->calls == 5);
}

TEST_CASE("its threads spin for the given time, and sleep at once by default") {
  const Result<Plan> plan = plan_of({"--spin-us", "40"});
  REQUIRE(plan);
  CHECK(plan->spin == 40us);
  CHECK(plan_of({})->spin == 0us);
}

TEST_CASE("variables set what flags do not, under both of their names") {
  const Result<Plan> plan = plan_of({"--streams", "3"}, {{"CONCURRENT_REQUESTS", "7"},
                                                         {"THREADS", "2"},
                                                         {"TOTAL_REQUESTS", "70"},
                                                         {"RATE_LIMIT", "50"},
                                                         {"TRANSPORT", "tcp"},
                                                         {"BENCHMARK_TYPE", "both"},
                                                         {"DURATION", "1h"},
                                                         {"SERVER_ADDR", "localhost:1"}});
  REQUIRE(plan);
  CHECK(plan->connections == 7);
  CHECK(plan->threads == 2);
  CHECK(plan->calls == 70);
  CHECK(plan->pace->calls_per_second == 50);
  CHECK(plan->operations.size() == 2);
  CHECK(plan->duration == 1h);
  CHECK(plan->server == "localhost:1");
  CHECK(plan->streams == 3);
  CHECK(plan_of({}, {{"CONNECTIONS", "4"}, {"CONCURRENT_REQUESTS", "7"}})->connections == 4);
  CHECK(plan_of({}, {{"REQUESTS", "4"}, {"TOTAL_REQUESTS", "7"}})->calls == 4);
  CHECK(plan_of({}, {{"SERVICE", "crypto"}, {"BENCHMARK_TYPE", "both"}})->operations.size() == 1);
}

TEST_CASE("calls on a schedule do not wait for one another's streams") {
  const Result<Plan> plan = plan_of({"--rate", "2000", "--spacing", "poisson"});
  REQUIRE(plan);
  CHECK(plan->streams == 100);
  CHECK(plan->pace->spacing == Spacing::poisson);
  CHECK_FALSE(plan_of({"--rate", "0"})->pace);
}

TEST_CASE("a named call is looked up at the server later") {
  const Result<Plan> plan = plan_of({"--call", "a.B/C", "--data", "{}"});
  REQUIRE(plan);
  CHECK(plan->operations.empty());
}

TEST_CASE("contradicting settings are refused with the reason") {
  CHECK(refusal({"--spacing", "poisson"}) == "--spacing needs --rate");
  CHECK(refusal({"--data", "{}"}) == "--data is only for --call");
  CHECK(refusal({"--call", "a.B/C", "--service", "echo"}).starts_with("--call and --service both select "));
  CHECK(refusal({"--call", "a.B/C", "--payload-size", "1"})
            .starts_with("--payload-size is only for --service"));
  CHECK(refusal({"--algorithm", "ED25519"}) == "--algorithm is only for --service crypto or both");
  CHECK(refusal({"--threads", "3", "--connections", "2"})
            .starts_with("--threads 3 needs at least as many connections"));
  CHECK(refusal({"--transport", "tcp", "--server", "unix:/x"}).starts_with("--transport tcp contradicts "));
  CHECK(refusal({"--transport", "vsock", "--server", "a:1"}).starts_with("--transport vsock contradicts "));
  CHECK(refusal({"--connections", "1001", "--streams", "1000"}) ==
        "--connections 1001 times --streams 1000 is more than 1000000 calls in flight; lower one of them");
  CHECK(refusal({"--deadline", "0"}).starts_with("--deadline: 0 "));
}

TEST_CASE("of two contradicting settings the one from the stronger source counts") {
  const apps::ScratchFile called("call = \"a.B/C\"\ndata = \"{}\"\n");
  const apps::ScratchFile signing("service = \"crypto\"\nalgorithm = \"ED25519\"\npayload-size = \"1K\"\n");
  const apps::ScratchFile paced("rate = 5\nspacing = \"poisson\"\n");
  const auto operations = [](const std::vector<std::string>& arguments, const Variables& variables = {}) {
    const Result<Plan> plan = plan_of(arguments, variables);
    REQUIRE_MESSAGE(plan, plan.error().message());
    return plan->operations.size();
  };
  CHECK(operations({"--call", "a.B/C"}, {{"SERVICE", "both"}}) == 0);
  CHECK(operations({"--config", called.path(), "--service", "both"}) == 2);
  CHECK(operations({"--config", called.path()}, {{"SERVICE", "both"}}) == 2);
  CHECK(operations({"--config", signing.path(), "--call", "a.B/C", "--data", "{}"}) == 0);
  CHECK(operations({"--config", signing.path(), "--service", "echo"}) == 1);
  CHECK_FALSE(plan_of({"--config", paced.path(), "--rate", "0"})->pace);
}

TEST_CASE("of two contradicting settings from equal sources both are named as they were given") {
  const apps::ScratchFile both("call = \"a.B/C\"\nservice = \"echo\"\n");
  CHECK(refusal({"--config", both.path()}) ==
        both.path() + ":1: call and " + both.path() +
            ":2: service both select the method to call; leave one out");
  const apps::ScratchFile unpaced("spacing = \"poisson\"\n");
  CHECK(refusal({"--config", unpaced.path()}) == unpaced.path() + ":1: spacing needs --rate");
  const apps::ScratchFile called("call = \"a.B/C\"\n");
  CHECK(refusal({"--config", called.path(), "--payload-size", "1"}) ==
        "--payload-size is only for --service; " + called.path() + ":1: call takes its message from --data");
}

TEST_CASE("the transport follows from the meaning of the address, in all its forms") {
  for (const std::string server :
       {"vsock:3:50051", "vsock://3:50051", "tls+vsock:3:50051", "hvsock:///run/vm.sock:50051"}) {
    INFO(server);
    CHECK(plan_of({"--server", server}));
    CHECK(plan_of({"--server", server, "--transport", "vsock"}));
    CHECK(refusal({"--server", server, "--transport", "tcp"}) ==
          "--transport tcp contradicts --server " + server + "; write host:port, or leave out --transport");
  }
  for (const std::string server : {"localhost:1", "tcp://[::1]:1", "tls+localhost:1"}) {
    INFO(server);
    CHECK(plan_of({"--server", server}));
    CHECK(plan_of({"--server", server, "--transport", "tcp"}));
    CHECK(refusal({"--server", server, "--transport", "vsock"}) ==
          "--transport vsock contradicts --server " + server +
              "; write vsock:CID:PORT, or leave out --transport");
  }
  for (const std::string server : {"unix:/x", "unix-abstract:x", "tls+unix:/x"}) {
    INFO(server);
    CHECK(plan_of({"--server", server}));
    for (const std::string transport : {"tcp", "vsock"})
      CHECK(refusal({"--server", server, "--transport", transport})
                .starts_with("--transport " + transport + " contradicts --server " + server + "; "));
  }
  CHECK(plan_of({"--transport", "vsock"})->server == "vsock:1:50051");
}

TEST_CASE("an address that only a server can open is refused") {
  for (const std::string server : {"systemd", "systemd:grpc", "fd:3", "tls+fd:3"}) {
    INFO(server);
    CHECK(test::missing(refusal({"--server", server}), {"--server: " + server + " ", "servers"}) == "");
  }
  CHECK(test::missing(refusal({"--server", "vsock:any:1"}), {"--server: vsock:any:1: ", "servers"}) == "");
}

TEST_CASE("many connections have fewer streams each, unless they are asked for") {
  CHECK(plan_of({"--connections", "100000", "--rate", "1"})->streams == 10);
  CHECK(plan_of({"--connections", "10000", "--rate", "1"})->streams == 100);
  CHECK(plan_of({"--connections", "1000", "--streams", "1000"})->streams == 1000);
  CHECK(plan_of({"--connections", "100000"})->streams == 1);
}

TEST_CASE("an unknown algorithm is refused with the known ones") {
  CHECK(plan_of({"--service", "crypto", "--algorithm", "ED25519"}));
  CHECK(
      test::missing(refusal({"--service", "crypto", "--algorithm", "FOO"}),
                    {"--algorithm: 'FOO' ",
                     "RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, "
                     "RSA_PSS_SHA512, ECDSA_P256_SHA256, ECDSA_P384_SHA384 or ED25519"}) == "");
}

TEST_CASE("an invalid value is refused with the valid ones") {
  CHECK(test::missing(refusal({"--connect-timeout", "0"}), {"--connect-timeout: 0 ", "1ms to 24h"}) == "");
  CHECK(test::missing(refusal({"--report", ""}), {"--report: ", "path", "empty"}) == "");
  CHECK(test::missing(refusal({"--connections", "0"}), {"--connections: 0 ", "1 to 100000"}) == "");
  CHECK(refusal({"--requests", "0"}).starts_with("--requests: 0 "));
  CHECK(test::missing(refusal({"--streams", "many"}), {"--streams: 'many' ", "1 or more"}) == "");
  for (const std::string rate : {"-1", "0.5"})
    CHECK(test::missing(refusal({"--rate", rate}), {"--rate: '" + rate + "' ", "0 or more"}) == "");
  CHECK(refusal({"--service", "ekko"}) == "--service: 'ekko' is unknown; choose echo, crypto or both");
  CHECK(refusal({"--output", "xml"}) == "--output: 'xml' is unknown; choose text, json or csv");
  CHECK(refusal({"--server", "nowhere"}).starts_with("--server: address \"nowhere\": "));
  CHECK(refusal({"--duration", "soon"}).starts_with("--duration: 'soon' is not a duration; "));
  CHECK(refusal({"--frob"}) == "--frob: not a flag of grpcbench; --help lists them");
  CHECK(test::missing(refusal({"word"}), {"word: grpcbench ", "flags", "--help"}) == "");
}

TEST_CASE("the help fits a terminal and names both variables of a setting that has two") {
  Configuration configuration;
  REQUIRE(configuration.line.read(std::vector<std::string>{"--help"}, [](const char*) -> const char* {
    return nullptr;
  }) == apps::Action::show_help);
  const std::string help = configuration.line.help();
  CHECK(help.find("env: CONNECTIONS or") != std::string::npos);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 80, line);
}

}  // namespace
}  // namespace ringrpc::grpcbench
