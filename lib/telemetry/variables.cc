#include "telemetry/variables.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "rpc/wire/percent_encoding.h"

namespace ringrpc::telemetry {
namespace {

constexpr std::chrono::milliseconds no_limit = std::chrono::years(1);

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) + 1 - begin);
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); }

/// Nothing if an escape is invalid or the result is not UTF-8.
std::optional<std::string> decode(std::string_view text) {
  for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1))
    if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) return std::nullopt;
  std::string decoded = percent_decode(text);
  if (only_utf8(decoded) != decoded) return std::nullopt;
  return decoded;
}

}  // namespace

bool Variables::same_word(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

void Variables::warn(const std::string& name, const std::string& why) const {
  std::string warning = name + ": " + why;
  if (std::ranges::find(warnings_, warning) == warnings_.end()) warnings_.push_back(std::move(warning));
}

std::string Variables::text(const std::string& name) const {
  const char* const value = get_(name.c_str());
  return std::string(trim(value ? value : ""));
}

bool Variables::flag(const std::string& name) const {
  const std::string given = text(name);
  if (!given.empty() && !same_word(given, "true") && !same_word(given, "false"))
    warn(name, "\"" + given + "\" is neither true nor false; it counts as false");
  return same_word(given, "true");
}

std::optional<std::uint64_t> Variables::number(const std::string& name, Range range,
                                               std::string_view unit) const {
  const std::string given = text(name);
  if (given.empty()) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error == std::errc() && end == given.data() + given.size() && value >= range.least &&
      value <= range.most)
    return value;
  warn(name, "\"" + given + "\" is not a number" + std::string(unit) + " from " +
                 std::to_string(range.least) + " to " + std::to_string(range.most) + "; it is ignored");
  return std::nullopt;
}

void Variables::read_number(const std::string& name, std::size_t& to, Range range) const {
  if (const auto value = number(name, range, "")) to = *value;
}

void Variables::read_time(const std::string& name, std::chrono::milliseconds& to, Zero zero) const {
  const auto most = static_cast<std::uint64_t>(no_limit.count());
  const auto value =
      number(name, {.least = zero == Zero::refused ? 1u : 0u, .most = most}, " of milliseconds");
  if (!value) return;
  to = *value == 0 && zero == Zero::no_limit ? no_limit
                                             : std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

Result<Pairs> parse_pairs(std::string_view text) {
  Pairs pairs;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = trim(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto wrong = [&](std::string_view what) {
      return fail(Code::INVALID_ARGUMENT, "pair " + std::to_string(number) + " " + std::string(what) +
                                              "; give key=value,key=value, percent-encoded");
    };
    if (equals == pair.npos) return wrong("has no '='");
    std::optional<std::string> key = decode(trim(pair.substr(0, equals)));
    std::optional<std::string> value = decode(trim(pair.substr(equals + 1)));
    if (!key || key->empty()) return wrong("has no valid key");
    if (!value) return wrong("has a value that is not percent-encoded UTF-8");
    pairs.emplace_back(*std::move(key), *std::move(value));
  }
  return pairs;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const std::string_view word = trim(text.substr(0, comma)); !word.empty()) words.emplace_back(word);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return words;
}

}  // namespace ringrpc::telemetry
