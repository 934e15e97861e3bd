#include "rpc/wire/strict_json.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace ringrpc {
namespace {

/// Builds the tree from the parser's events. An event that returns false ends the parse.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  StrictJson take() { return std::move(root_); }

  bool null() override { return add(StrictJson()); }
  bool boolean(bool value) override { return add(StrictJson(value)); }
  bool number_integer(std::int64_t value) override { return add(StrictJson(static_cast<double>(value))); }
  bool number_unsigned(std::uint64_t value) override { return add(StrictJson(static_cast<double>(value))); }
  bool number_float(double value, const std::string&) override { return add(StrictJson(value)); }
  bool string(std::string& value) override { return add(StrictJson(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // JSON has none
  bool start_array(std::size_t) override { return open(StrictJson::Array()); }
  bool end_array() override { return close(); }
  bool start_object(std::size_t) override { return open(StrictJson::Object()); }
  bool end_object() override { return close(); }

  bool key(std::string& name) override {
    auto& object = std::get<StrictJson::Object>(open_.back().value);
    if (object.size() == StrictJson::members_max) return false;
    if (std::ranges::find(object, name, &StrictJson::Object::value_type::first) != object.end()) return false;
    open_.back().member = std::move(name);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  /// An array or object that has not ended.
  struct Open {
    StrictJson::Value value;
    std::string member{};  // the name of an object's next value
  };

  bool open(StrictJson::Value value) {
    if (open_.size() == StrictJson::depth_max) return false;
    open_.push_back({std::move(value)});
    return true;
  }

  bool close() {
    StrictJson closed(std::move(open_.back().value));
    open_.pop_back();
    return add(std::move(closed));
  }

  bool add(StrictJson value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = std::get_if<StrictJson::Array>(&open_.back().value)) {
      array->push_back(std::move(value));
    } else {
      std::get<StrictJson::Object>(open_.back().value)
          .emplace_back(std::move(open_.back().member), std::move(value));
    }
    return true;
  }

  StrictJson root_;
  std::vector<Open> open_;
};

nlohmann::json printable(const StrictJson& json) {
  if (const auto* array = json.array()) {
    auto copy = nlohmann::json::array();
    for (const StrictJson& each : *array) copy.push_back(printable(each));
    return copy;
  }
  if (const auto* object = json.object()) {
    auto copy = nlohmann::json::object();
    for (const auto& [name, value] : *object) copy[name] = printable(value);
    return copy;
  }
  if (const std::string* text = json.text()) return *text;
  if (const double* number = json.number()) {
    constexpr double whole_max = 9'007'199'254'740'992.0;  // a double holds every whole number below
    if (*number >= -whole_max && *number <= whole_max &&
        *number == static_cast<double>(static_cast<std::int64_t>(*number)))
      return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const bool* flag = json.boolean()) return *flag;
  return nullptr;
}

}  // namespace

std::optional<StrictJson> StrictJson::parse(std::string_view text) {
  // The parser skips a byte order mark, which RFC 8259, 8.1, does not permit.
  if (text.starts_with("\xef\xbb\xbf")) return std::nullopt;
  TreeBuilder tree;
  if (!nlohmann::json::sax_parse(text, &tree)) return std::nullopt;
  return tree.take();
}

const StrictJson* StrictJson::find(std::string_view name) const noexcept {
  const Object* members = object();
  if (!members) return nullptr;
  const auto found = std::ranges::find(*members, name, &Object::value_type::first);
  return found == members->end() ? nullptr : &found->second;
}

std::string StrictJson::to_json() const { return printable(*this).dump(); }

}  // namespace ringrpc
