#include "interop/program.h"

#include <CLI/CLI.hpp>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reactor/backend.h"
#include "reactor/shard.h"
#include "transport/address.h"

namespace ringrpc::interop {
namespace {

class StopAtEnd final : public TaskObserver {
 public:
  explicit StopAtEnd(Shard& shard) noexcept : shard_(shard) {}
  void on_task_done() override { shard_.stop(); }

 private:
  Shard& shard_;
};

Pem file(const std::string& path) { return path.empty() ? Pem() : Pem::file(path); }

/// The arguments in the parser's order. Splits `--flag=`, because the parser would take the next word as
/// its value.
std::vector<std::string> reversed_words(int count, char** arguments) {
  std::vector<std::string> words;
  for (int i = count - 1; i > 0; --i) {
    std::string word = arguments[i];
    if (word.starts_with("--") && word.ends_with('=')) {
      words.emplace_back();
      word.pop_back();
    }
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

Flags::Flags(std::string summary) : app_(std::make_unique<CLI::App>(std::move(summary))) {}
Flags::~Flags() = default;

template <class T>
void Flags::add(const std::string& name, T& value, const std::string& help) {
  CLI::Option* option = app_->add_option(name, value, help)->capture_default_str();
  if constexpr (std::integral<T> && !std::same_as<T, bool>) option->check(CLI::NonNegativeNumber);
}

template void Flags::add(const std::string&, std::string&, const std::string&);
template void Flags::add(const std::string&, bool&, const std::string&);
template void Flags::add(const std::string&, std::uint32_t&, const std::string&);
template void Flags::add(const std::string&, std::int32_t&, const std::string&);
template void Flags::add(const std::string&, std::int64_t&, const std::string&);

void Flags::refuse(const std::string& name) {
  const auto check = [name](const std::string& text) {
    if (!text.empty()) throw CLI::ValidationError(name, "this program does not support it; leave it empty");
  };
  app_->add_option_function<std::string>(name, check, "Must be empty");
}

Result<bool> Flags::parse(int count, char** arguments) {
  try {
    app_->parse(reversed_words(count, arguments));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app_->help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& wrong) {
    return fail(Code::INVALID_ARGUMENT, wrong.what());
  }
  return true;
}

TlsFlags::TlsFlags(Flags& flags) {
  flags.add("--use_tls", use_tls, "Use TLS");
  flags.add("--use_test_ca", use_test_ca, "Trust the CAs in --ca_file, not the system's");
  flags.add("--ca_file,--tls_ca_file", ca_file, "PEM of trusted CAs; a server then requires certificates");
  flags.add("--tls_cert_file", certificate_file, "PEM of the certificate to present");
  flags.add("--tls_key_file", key_file, "PEM of its private key");
  flags.add("--server_host_override", server_name, "The name that the server's certificate must have");
}

Result<std::shared_ptr<ServerTls>> TlsFlags::server() const {
  if (!use_tls) return nullptr;
  return ServerTls::load({.certificate = file(certificate_file),
                          .private_key = file(key_file),
                          .client_authorities = file(ca_file)});
}

Result<std::shared_ptr<const ClientTls>> TlsFlags::client() const {
  if (!use_tls) return nullptr;
  if (use_test_ca && ca_file.empty())
    return fail(Code::INVALID_ARGUMENT, "--use_test_ca: give the test's CA with --ca_file");
  return ClientTls::load({.authorities = file(ca_file),
                          .certificate = file(certificate_file),
                          .private_key = file(key_file),
                          .server_name = server_name});
}

std::string address_of(const std::string& host, std::uint32_t port) {
  return Address::parse(host) ? host : host + ":" + std::to_string(port);
}

int report(std::string_view program, const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               status.to_string().c_str());
  return 1;
}

Status run_on_shard(const std::function<Task<Status>()>& script) {
  Result<std::unique_ptr<Io>> io = make_io();
  if (!io) return std::move(io).error();
  Shard shard(0, std::move(*io));
  StopAtEnd observer(shard);
  Task<Status> task;
  shard.post([&] {
    task = script();
    task.start(&observer);
  });
  shard.run();
  return task.result();
}

}  // namespace ringrpc::interop
