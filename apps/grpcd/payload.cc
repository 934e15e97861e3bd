#include "grpcd/payload.h"

namespace ringrpc::grpcd {
namespace {

constexpr std::size_t head_bytes = 64;
constexpr std::size_t full_bytes = 4096;

void append_escaped(std::string& to, char c) {
  static constexpr std::string_view digits = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    to.append({'\\', c});
  } else if (c >= ' ' && c <= '~') {
    to.push_back(c);
  } else {
    const auto byte = static_cast<unsigned char>(c);
    to.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
  }
}

}  // namespace

std::string quote(std::string_view bytes, std::size_t most) {
  std::string quoted("\"");
  for (const char c : bytes.substr(0, most)) append_escaped(quoted, c);
  return quoted.append(bytes.size() > most ? "\" ..." : "\"");
}

std::string describe_payload(PayloadLog kind, std::string_view payload) {
  if (kind == PayloadLog::none) return {};
  std::string size = std::to_string(payload.size()) + (payload.size() == 1 ? " byte" : " bytes");
  if (kind == PayloadLog::size) return size;
  return size + " " + quote(payload, kind == PayloadLog::head ? head_bytes : full_bytes);
}

}  // namespace ringrpc::grpcd
