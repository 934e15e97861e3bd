#include "grpcbench/template.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <utility>

#include "base/utc_time.h"
#include "common/nearest.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view opening = "{{";
constexpr std::string_view closing = "}}";
constexpr std::uint64_t random_most = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t limit_most = std::numeric_limits<std::int64_t>::max();

/// What ghz calls the placeholders (https://ghz.sh/docs/calldata).
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> names_of_ghz = {
    {{".RequestNumber", "call"},
     {".WorkerID", "worker"},
     {".Timestamp", "time"},
     {".TimestampUnix", "time_s"},
     {".TimestampUnixMilli", "time_ms"},
     {".TimestampUnixNano", "time_ns"},
     {".UUID", "uuid"},
     {"newUUID", "uuid"},
     {"randomInt", "random LEAST MOST"}}};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(' '); at != std::string_view::npos;
       at = text.find_first_not_of(' ', at)) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

/// The version 4 of RFC 9562: random bits but for the version and the variant.
std::string uuid_of(std::uint64_t high, std::uint64_t low) {
  high = (high & ~0xf000ull) | 0x4000;
  low = (low & ~(3ull << 62)) | 1ull << 63;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xffff,
                     low >> 48, low & 0xffffffffffff);
}

template <class Unit>
std::int64_t since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<Unit>(time.time_since_epoch()).count();
}

template <class Number>
void append_number(std::string& to, Number number) {
  fmt::format_to(std::back_inserter(to), "{}", number);
}

}  // namespace

std::chrono::system_clock::time_point TemplateValues::time() noexcept {
  if (time_ == std::chrono::system_clock::time_point()) time_ = std::chrono::system_clock::now();
  return time_;
}

std::uint64_t TemplateValues::random(std::uint64_t least, std::uint64_t most) noexcept {
  if (largest_) return most;
  // The high half of the product is evenly spread over the range, but for 2^-64 of its size.
  __extension__ using Product = unsigned __int128;
  return least + static_cast<std::uint64_t>(Product{random_()} * (most - least + 1) >> 64);
}

const std::string& TemplateValues::uuid() {
  if (uuid_.empty()) {
    const std::uint64_t high = random_();
    uuid_ = uuid_of(high, random_());
  }
  return uuid_;
}

Result<Template> Template::parse(std::string_view text) {
  Template parsed;
  std::string before;
  for (std::size_t at = text.find(opening); at != std::string_view::npos; at = text.find(opening)) {
    before.append(text.substr(0, at));
    text.remove_prefix(at + opening.size());
    const std::size_t end = text.find(closing);
    if (end == std::string_view::npos)
      return fail(Code::INVALID_ARGUMENT,
                  "'{{' begins a placeholder, and '}}' is missing; write {{open}} for "
                  "the braces themselves");
    Result<Part> part = placeholder(text.substr(0, end));
    if (!part) return std::unexpected(std::move(part).error());
    text.remove_prefix(end + closing.size());
    if (part->kind == Kind::open) {
      before.append(opening);
      continue;
    }
    part->before = std::exchange(before, {});
    parsed.parts_.push_back(std::move(*part));
  }
  parsed.parts_.push_back({.before = before.append(text)});
  return parsed;
}

Result<Template::Part> Template::placeholder(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 9> kinds = {{{"call", Kind::call},
                                                                              {"worker", Kind::worker},
                                                                              {"time", Kind::time},
                                                                              {"time_s", Kind::time_s},
                                                                              {"time_ms", Kind::time_ms},
                                                                              {"time_ns", Kind::time_ns},
                                                                              {"random", Kind::random},
                                                                              {"uuid", Kind::uuid},
                                                                              {"open", Kind::open}}};
  const auto refuse = [&](const std::string& why) {
    return fail(Code::INVALID_ARGUMENT, "{{" + std::string(text) + "}} " + why);
  };
  const std::vector<std::string_view> words = words_of(text);
  const std::string_view name = words.empty() ? std::string_view() : words.front();
  const auto* const found = std::ranges::find(kinds, name, &std::pair<std::string_view, Kind>::first);
  if (found == kinds.end()) {
    const auto* const other =
        std::ranges::find(names_of_ghz, name, &std::pair<std::string_view, std::string_view>::first);
    if (other != names_of_ghz.end()) return refuse("of ghz is {{" + std::string(other->second) + "}} here");
    std::vector<std::string> names;
    for (const auto& [known, kind] : kinds) names.emplace_back(known);
    return refuse("is no placeholder" + apps::suggest(name, names));
  }
  Part part{.before = {}, .kind = found->second, .most = random_most};
  if (words.size() == 1) return part;
  if (Status status = read_limits(words, part); !status.ok()) return refuse(std::string(status.message()));
  return part;
}

Status Template::read_limits(const std::vector<std::string_view>& words, Part& part) {
  if (part.kind != Kind::random) return fail(Code::INVALID_ARGUMENT, "takes nothing after its name");
  const auto number = [](std::string_view word, std::uint64_t& to) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), to);
    return error == std::errc() && end == word.data() + word.size() && to <= limit_most;
  };
  if (words.size() == 3 && number(words[1], part.least) && number(words[2], part.most) &&
      part.least <= part.most)
    return {};
  return fail(Code::INVALID_ARGUMENT,
              "is not right; write {{random LEAST MOST}} with numbers from 0 to 9223372036854775807");
}

void Template::fill(TemplateValues& values, std::string& to) const {
  for (const Part& part : parts_) {
    to.append(part.before);
    switch (part.kind) {
      case Kind::nothing:
      case Kind::open:
        break;
      case Kind::call:
        append_number(to, values.call());
        break;
      case Kind::worker:
        append_number(to, values.worker());
        break;
      case Kind::time:
        append_utc(to, values.time());
        break;
      case Kind::time_s:
        append_number(to, since_1970<std::chrono::seconds>(values.time()));
        break;
      case Kind::time_ms:
        append_number(to, since_1970<std::chrono::milliseconds>(values.time()));
        break;
      case Kind::time_ns:
        append_number(to, since_1970<std::chrono::nanoseconds>(values.time()));
        break;
      case Kind::random:
        append_number(to, values.random(part.least, part.most));
        break;
      case Kind::uuid:
        to.append(values.uuid());
        break;
    }
  }
}

}  // namespace ringrpc::grpcbench
