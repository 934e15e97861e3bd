#include "interop/conformance_pipe.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "rpc/wire/base64.h"

namespace ringrpc::interop {
namespace {

constexpr std::size_t prefix_bytes = 4;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::exit(EXIT_FAILURE);
}

bool binary(std::string_view name) { return name.ends_with("-bin"); }

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

bool read_compat(google::protobuf::MessageLite& message) {
  std::array<std::uint8_t, prefix_bytes> prefix{};
  const std::size_t got = std::fread(prefix.data(), 1, prefix.size(), stdin);
  if (got == 0) return false;
  std::uint32_t bytes = 0;
  for (const std::uint8_t byte : prefix) bytes = bytes << 8 | byte;
  std::string text(bytes, '\0');
  if (got < prefix.size() || std::fread(text.data(), 1, bytes, stdin) < bytes)
    give_up("standard input ends inside a message");
  if (!message.ParseFromString(text)) give_up("standard input has a message of another type");
  return true;
}

void write_compat(const google::protobuf::MessageLite& message) {
  const std::string text = message.SerializeAsString();
  std::string whole;
  for (int shift = 24; shift >= 0; shift -= 8) whole.push_back(static_cast<char>(text.size() >> shift));
  whole += text;
  if (std::fwrite(whole.data(), 1, whole.size(), stdout) < whole.size() || std::fflush(stdout) != 0)
    give_up("standard output takes nothing");
}

Status add_headers(const HeaderList& headers, Metadata& metadata) {
  for (const conformance::Header& header : headers) {
    const std::string name = lower_case(header.name());
    for (const std::string& value : header.value()) {
      std::optional<std::string> decoded = binary(name) ? base64_decode(value) : std::nullopt;
      if (Status status = metadata.add(name, decoded.value_or(value)); !status.ok()) return status;
    }
  }
  return {};
}

HeaderList to_headers(const Metadata& metadata) {
  std::map<std::string, conformance::Header> by_name;
  for (const Metadata::Entry& entry : metadata)
    by_name[entry.name].add_value(binary(entry.name) ? base64_encode(entry.value) : entry.value);
  HeaderList headers;
  for (auto& [name, header] : by_name) {
    header.set_name(name);
    *headers.Add() = std::move(header);
  }
  return headers;
}

Status to_status(const conformance::Error& error) {
  const std::optional<Code> code = code_from_number(static_cast<std::uint32_t>(error.code()));
  return Status(code.value_or(Code::UNKNOWN), error.message()).with_details(error.SerializeAsString());
}

conformance::Error to_error(const Status& status) {
  conformance::Error error;
  if (!error.ParseFromString(std::string(status.details()))) error.clear_details();
  error.set_code(static_cast<conformance::Code>(status.code()));
  error.set_message(std::string(status.message()));
  return error;
}

}  // namespace ringrpc::interop
