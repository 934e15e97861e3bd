#include "observe/trace_wire.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace ringrpc {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t in_each_byte(std::uint8_t byte) noexcept { return 0x0101010101010101u * byte; }

/// The four bytes of eight lower-case digits, all at once. False if there is another character.
bool read_eight(const char* digits, std::uint8_t* to) noexcept {
  std::uint64_t text = 0;
  std::memcpy(&text, digits, sizeof text);
  const std::uint64_t letters = (text >> 6) & in_each_byte(1);  // 'a' to 'f' have this bit, digits do not
  const std::uint64_t nibbles = (text & in_each_byte(0x0f)) + 9 * letters;
  if ((nibbles & in_each_byte(0xf0)) != 0) return false;
  const std::uint64_t above_nine = ((nibbles + in_each_byte(6)) >> 4) & in_each_byte(1);
  if (nibbles + in_each_byte('0') + above_nine * ('a' - '9' - 1) != text) return false;
  std::uint64_t bytes = ((nibbles << 4) | (nibbles >> 8)) & 0x00ff00ff00ff00ffu;
  bytes = (bytes | (bytes >> 8)) & 0x0000ffff0000ffffu;
  const auto packed = static_cast<std::uint32_t>(bytes | (bytes >> 16));
  std::memcpy(to, &packed, sizeof packed);
  return true;
}

template <std::size_t size>
bool read_id(std::string_view digits, std::array<std::uint8_t, size>& id) noexcept {
  static_assert(size % 4 == 0);
  for (std::size_t at = 0; at < size; at += 4)
    if (!read_eight(digits.data() + 2 * at, id.data() + at)) return false;
  return id != std::array<std::uint8_t, size>{};
}

/// The value of two lower-case digits; nothing if there is another character.
std::optional<std::uint8_t> read_byte(std::string_view digits) noexcept {
  const auto nibble = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    return c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10 : 16;
  };
  const unsigned high = nibble(digits[0]);
  const unsigned low = nibble(digits[1]);
  if (high > 15 || low > 15) return std::nullopt;
  return static_cast<std::uint8_t>(high << 4 | low);
}

// The parts of a traceparent.
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t span_id_at = 36;
constexpr std::size_t flags_at = 53;

// The parts of a grpc-trace-bin: each has a number before it.
constexpr std::size_t bin_trace_id_at = 2;
constexpr std::size_t bin_span_id_at = 19;
constexpr std::size_t bin_flags_at = 28;

constexpr std::size_t long_member_bytes = 128;

bool is_key_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '/';
}

/// Level 2 of the recommendation: a letter or a digit first, and at most one '@' anywhere after it.
bool is_key(std::string_view key) noexcept {
  constexpr std::size_t bytes_max = 256;
  if (key.empty() || key.size() > bytes_max) return false;
  const char first = key.front();
  const bool begins_well = (first >= 'a' && first <= 'z') || (first >= '0' && first <= '9');
  if (!begins_well) return false;
  if (std::ranges::count(key, '@') > 1) return false;
  return std::ranges::all_of(key, [](char c) { return is_key_character(c) || c == '@'; });
}

bool is_value(std::string_view value) noexcept {
  constexpr std::size_t bytes_max = 256;
  if (value.empty() || value.size() > bytes_max || value.back() == ' ') return false;
  return std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view key_of(std::string_view member) noexcept { return member.substr(0, member.find('=')); }

/// Appends the members of one list. False if one is malformed, or there are too many.
bool split_into(std::vector<std::string_view>& members, std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view member = without_blanks(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (member.empty()) continue;
    const std::string_view key = key_of(member);
    if (key.size() == member.size() || !is_key(key) || !is_value(member.substr(key.size() + 1))) return false;
    if (std::ranges::find(members, key, key_of) != members.end()) return false;
    if (members.size() == tracestate_members_max) return false;
    members.push_back(member);
  }
  return true;
}

std::size_t joined_bytes(std::span<const std::string_view> members) noexcept {
  std::size_t bytes = members.empty() ? 0 : members.size() - 1;
  for (const std::string_view member : members) bytes += member.size();
  return bytes;
}

}  // namespace

void write_hex(std::span<const std::uint8_t> bytes, char* to) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 0x0f];
  }
}

std::string to_hex(std::span<const std::uint8_t> id) {
  std::string text(2 * id.size(), '\0');
  write_hex(id, text.data());
  return text;
}

std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < traceparent_bytes || text[2] != '-' || text[span_id_at - 1] != '-' ||
      text[flags_at - 1] != '-')
    return std::nullopt;
  const std::optional<std::uint8_t> version = read_byte(text);
  const std::optional<std::uint8_t> flags = read_byte(text.substr(flags_at));
  if (!version || !flags || *version == 0xff) return std::nullopt;
  // Later versions may have more parts.
  const bool longer = text.size() > traceparent_bytes;
  if (longer && (*version == 0 || text[traceparent_bytes] != '-')) return std::nullopt;
  std::optional<TraceContext> context(std::in_place);
  if (!read_id(text.substr(trace_id_at), context->trace_id) ||
      !read_id(text.substr(span_id_at), context->span_id))
    return std::nullopt;
  context->flags = *flags & TraceContext::sampled_flag;
  return context;
}

std::array<char, traceparent_bytes> format_traceparent(const TraceContext& context) noexcept {
  std::array<char, traceparent_bytes> text;
  text[0] = text[1] = '0';
  text[2] = text[span_id_at - 1] = text[flags_at - 1] = '-';
  write_hex(context.trace_id, text.data() + trace_id_at);
  write_hex(context.span_id, text.data() + span_id_at);
  write_hex({&context.flags, 1}, text.data() + flags_at);
  return text;
}

std::string_view trace_id_of(std::string_view traceparent) noexcept {
  constexpr std::size_t digits = 32;
  return parse_traceparent(traceparent) ? traceparent.substr(trace_id_at, digits) : std::string_view();
}

std::optional<TraceContext> parse_trace_bin(std::string_view bytes) noexcept {
  if (bytes.size() != trace_bin_bytes || bytes[0] != 0 || bytes[1] != 0 || bytes[bin_span_id_at - 1] != 1 ||
      bytes[bin_flags_at - 1] != 2)
    return std::nullopt;
  std::optional<TraceContext> context(std::in_place);
  std::memcpy(context->trace_id.data(), bytes.data() + bin_trace_id_at, context->trace_id.size());
  std::memcpy(context->span_id.data(), bytes.data() + bin_span_id_at, context->span_id.size());
  context->flags = static_cast<std::uint8_t>(bytes[bin_flags_at]) & TraceContext::sampled_flag;
  if (!context->valid()) return std::nullopt;
  return context;
}

std::array<char, trace_bin_bytes> format_trace_bin(const TraceContext& context) noexcept {
  std::array<char, trace_bin_bytes> bytes{};
  bytes[bin_span_id_at - 1] = 1;
  bytes[bin_flags_at - 1] = 2;
  std::memcpy(bytes.data() + bin_trace_id_at, context.trace_id.data(), context.trace_id.size());
  std::memcpy(bytes.data() + bin_span_id_at, context.span_id.data(), context.span_id.size());
  bytes[bin_flags_at] = static_cast<char>(context.flags);
  return bytes;
}

std::string join_tracestate(std::span<const std::string_view> lists) {
  std::vector<std::string_view> members;
  for (const std::string_view list : lists)
    if (!split_into(members, list)) return {};
  while (joined_bytes(members) > tracestate_bytes_max) {
    const auto from_end = std::ranges::find_if(members.rbegin(), members.rend(), [](std::string_view member) {
      return member.size() > long_member_bytes;
    });
    members.erase(from_end == members.rend() ? std::prev(members.end()) : std::prev(from_end.base()));
  }
  std::string joined;
  joined.reserve(joined_bytes(members));
  for (const std::string_view member : members) joined.append(joined.empty() ? "" : ",").append(member);
  return joined;
}

}  // namespace ringrpc
