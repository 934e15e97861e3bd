#include "grpcd/payload.h"

namespace ringrpc::grpcd {
namespace {

constexpr std::size_t head_bytes = 64;
constexpr std::size_t full_bytes = 4096;

void append_quoted(std::string& to, std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  to.push_back('"');
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (c >= ' ' && c <= '~') {
      to.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      to.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
    }
  }
  to.push_back('"');
}

}  // namespace

std::string describe_payload(PayloadLog kind, std::string_view payload) {
  if (kind == PayloadLog::none) return {};
  std::string text = std::to_string(payload.size()) + (payload.size() == 1 ? " byte" : " bytes");
  if (kind == PayloadLog::size) return text;
  const std::string_view shown = payload.substr(0, kind == PayloadLog::head ? head_bytes : full_bytes);
  text.push_back(' ');
  append_quoted(text, shown);
  if (shown.size() < payload.size()) text.append(" ...");
  return text;
}

}  // namespace ringrpc::grpcd
