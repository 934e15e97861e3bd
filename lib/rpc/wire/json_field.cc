#include "rpc/wire/json_field.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <google/protobuf/util/json_util.h>

namespace ringrpc {
namespace {

namespace pb = google::protobuf;

/// Beyond this a double does not hold every whole number.
constexpr double whole_max = 9'007'199'254'740'992.0;

constexpr std::size_t levels_max = 100;

/// About 10,000 years (google.protobuf.Duration).
constexpr std::uint64_t duration_s_max = 315'576'000'000;
constexpr std::size_t fraction_digits_max = 9;

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> digits_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Nanoseconds> duration_in(std::string_view text) {
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t point = text.find('.');
  const std::optional<std::uint64_t> seconds = digits_in(text.substr(0, point));
  if (!seconds || *seconds > duration_s_max) return std::nullopt;
  std::uint64_t nanoseconds = 0;
  if (point != std::string_view::npos) {
    std::string fraction(text.substr(point + 1));
    if (fraction.empty() || fraction.size() > fraction_digits_max) return std::nullopt;
    fraction.resize(fraction_digits_max, '0');
    const std::optional<std::uint64_t> parsed = digits_in(fraction);
    if (!parsed) return std::nullopt;
    nanoseconds = *parsed;
  }
  constexpr std::uint64_t max_s = static_cast<std::uint64_t>(Nanoseconds::max().count()) / 1'000'000'000;
  if (*seconds >= max_s) return Nanoseconds::max();  // 292 years
  return Nanoseconds(static_cast<std::int64_t>(*seconds * 1'000'000'000 + nanoseconds));
}

/// True if arrays and objects are within each other at more than `levels_max`. protobuf limits the levels of objects only,
/// and takes time that grows faster than the square of those of arrays. Its strings may have single quotes.
bool is_too_deep(std::string_view text) {
  std::size_t levels = 0;
  char quote = '\0';  // of the string at this point
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == '\\') {
        ++at;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      if (++levels > levels_max) return true;
    } else if ((c == ']' || c == '}') && levels > 0) {
      --levels;
    }
  }
  return false;
}

/// One line of protobuf's three: a sentence, the text around the fault, and a caret below the fault.
std::string one_line(std::string_view told) {
  const std::size_t around = told.find('\n');
  const std::size_t below = told.rfind('\n');
  std::string line(told.substr(0, around));
  if (around == below) return line;
  const std::string_view text = told.substr(around + 1, below - around - 1);
  const std::size_t at = std::min(told.size() - 1 - (below + 1), text.size());
  const std::string_view rest = text.substr(at, text.find_first_of("\r\n", at) - at);
  if (line.ends_with('.')) line.pop_back();
  return line + (rest.empty() ? ", at the end" : ", before '" + std::string(rest) + "'");
}

}  // namespace

JsonFault parse_json(std::string_view text, pb::Value& root) {
  if (is_too_deep(text)) return "it has more than " + std::to_string(levels_max) + " levels";
  const auto status = pb::util::JsonStringToMessage({text.data(), text.size()}, &root);
  if (status.ok()) return std::nullopt;
  return one_line({status.message().data(), status.message().size()});
}

JsonField::JsonField(std::string path, const pb::Value* value, JsonFault& fault)
    : path_(std::move(path)),
      value_(value && value->kind_case() != pb::Value::kNullValue ? value : nullptr),
      fault_(&fault) {}

std::string JsonField::path_of(const std::string& member) const {
  return path_.empty() ? member : path_ + "." + member;
}

const JsonField& JsonField::required() const {
  if (!given()) refuse("it is missing");
  return *this;
}

JsonField JsonField::operator[](const std::string& name) const {
  std::string path = path_of(name);
  if (!given()) return {std::move(path), nullptr, *fault_};
  if (!value_->has_struct_value()) {
    refuse_value("an object");
    return {std::move(path), nullptr, *fault_};
  }
  const auto& fields = value_->struct_value().fields();
  const auto found = fields.find(name);
  return {std::move(path), found == fields.end() ? nullptr : &found->second, *fault_};
}

std::vector<std::pair<std::string, JsonField>> JsonField::members() const {
  std::vector<std::pair<std::string, JsonField>> members;
  if (!given()) return members;
  if (!value_->has_struct_value()) {
    refuse_value("an object");
    return members;
  }
  for (const auto& [name, value] : value_->struct_value().fields())
    members.emplace_back(name, JsonField(path_of(name), &value, *fault_));
  return members;
}

std::vector<JsonField> JsonField::elements() const {
  std::vector<JsonField> elements;
  if (!given()) return elements;
  if (!value_->has_list_value()) {
    refuse_value("a list");
    return elements;
  }
  for (const pb::Value& value : value_->list_value().values())
    elements.push_back({path_ + "[" + std::to_string(elements.size()) + "]", &value, *fault_});
  return elements;
}

std::string JsonField::text() const {
  if (!given()) return {};
  if (!value_->has_string_value()) refuse_value("a string");
  return value_->string_value();
}

bool JsonField::boolean() const {
  if (!given()) return false;
  if (!value_->has_bool_value()) refuse_value("true or false");
  return value_->bool_value();
}

double JsonField::number() const {
  if (!given()) return 0;
  if (value_->has_number_value()) return value_->number_value();
  const std::optional<double> parsed =
      value_->has_string_value() ? number_in(value_->string_value()) : std::nullopt;
  if (!parsed) refuse_value("a number");
  return parsed.value_or(0);
}

std::uint64_t JsonField::whole_number(std::uint64_t least) const {
  const double value = number();
  if (!given()) return 0;
  if (value >= static_cast<double>(least) && value <= whole_max && value == std::floor(value))
    return static_cast<std::uint64_t>(value);
  refuse_value("a whole number from " + std::to_string(least) + " on");
  return least;
}

Nanoseconds JsonField::duration() const {
  if (!given()) return Nanoseconds::zero();
  const std::optional<Nanoseconds> parsed =
      value_->has_string_value() ? duration_in(value_->string_value()) : std::nullopt;
  if (!parsed) refuse_value("a duration such as \"1.5s\"");
  return parsed.value_or(Nanoseconds::zero());
}

std::string JsonField::json() const {
  std::string text = "null";
  if (given() && !pb::util::MessageToJsonString(*value_, &(text = std::string())).ok()) text = "the value";
  return text;
}

void JsonField::refuse(const std::string& what) const {
  constexpr std::size_t quoted_bytes_max = 200;
  if (*fault_) return;
  *fault_ = (path_.empty() ? std::string() : path_ + ": ") +
            (what.size() > quoted_bytes_max ? "..." + what.substr(what.size() - quoted_bytes_max) : what);
}

}  // namespace ringrpc
