/// Reads JSON (RFC 8259) that decides about trust, so that no two readers can understand it differently.
///
///   std::optional<StrictJson> json = StrictJson::parse(text);
///   if (!json || !json->is_object()) return refuse("no JSON object");
///   const StrictJson* issuer = json->find("iss");
///   if (issuer && issuer->text() == wanted) ...
///
/// These are refused: duplicate members, objects of more than 256 members, more than 16 levels, invalid UTF-8,
/// numbers beyond the range of a double, anything after the value, and every extension of JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ringrpc {

class StrictJson {
 public:
  static constexpr std::size_t depth_max = 16;
  static constexpr std::size_t members_max = 256;  ///< of one object: each is compared with those before it

  using Array = std::vector<StrictJson>;
  using Object = std::vector<std::pair<std::string, StrictJson>>;
  /// The alternative says the type; std::monostate is null.
  using Value = std::variant<std::monostate, bool, double, std::string, Array, Object>;

  StrictJson() = default;
  explicit StrictJson(Value value) : value_(std::move(value)) {}

  static std::optional<StrictJson> parse(std::string_view text);

  bool is_object() const noexcept { return std::holds_alternative<Object>(value_); }
  /// The member of an object; null if there is none, or if this is no object.
  const StrictJson* find(std::string_view name) const noexcept;
  /// Null if it is of another type.
  const std::string* text() const noexcept { return std::get_if<std::string>(&value_); }
  const bool* boolean() const noexcept { return std::get_if<bool>(&value_); }
  const double* number() const noexcept { return std::get_if<double>(&value_); }
  const Array* array() const noexcept { return std::get_if<Array>(&value_); }
  const Object* object() const noexcept { return std::get_if<Object>(&value_); }
  /// The value as JSON.
  std::string to_json() const;

 private:
  Value value_;
};

}  // namespace ringrpc
