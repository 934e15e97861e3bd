// Mutations of inputs that are JSON, with or without other bytes before and after it: members and elements are
// removed, repeated, moved, added and mixed with those of another input, and libFuzzer's own mutations act within
// one value. A quarter of the mutations are libFuzzer's own of the whole input, which need not be JSON.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/mutation.h"

namespace ringrpc::fuzz {
namespace {

constexpr std::size_t new_bytes_max = 200;
constexpr std::size_t number_digits_max = 20;

struct Span {
  std::size_t begin;
  std::size_t end;
};

/// An object or an array.
struct Container {
  char bracket;
  std::size_t begin;  ///< after the bracket
  std::vector<Span> items{};
};

/// The objects and arrays that are closed. Of faulty JSON it finds what it can.
std::vector<Container> containers_of(std::string_view text) {
  std::vector<Container> closed;
  std::vector<Container> open;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') quoted = !quoted;
    if (quoted) {
      at += c == '\\';
    } else if (c == '{' || c == '[') {
      open.push_back({.bracket = c, .begin = at + 1});
    } else if (!open.empty() && (c == ',' || c == '}' || c == ']')) {
      Container& inner = open.back();
      const std::size_t begin = inner.items.empty() ? inner.begin : inner.items.back().end + 1;
      if (at > begin) inner.items.push_back({.begin = begin, .end = at});
      if (c == ',') continue;
      closed.push_back(std::move(inner));
      open.pop_back();
    }
  }
  return closed;
}

std::string copy(std::string_view text, const Span& span) {
  return std::string(text.substr(span.begin, span.end - span.begin));
}

/// An element, or a member without its name.
Span value_of(std::string_view text, const Container& container, const Span& item) {
  const std::size_t colon = container.bracket == '{' ? text.find("\":", item.begin) : text.npos;
  return {.begin = colon < item.end ? colon + 2 : item.begin, .end = item.end};
}

template <class T>
const T& any(const std::vector<T>& of, Random& random) {
  return of[below(random, of.size())];
}

/// A member or an element of a container with that bracket; empty if there is none.
std::string item_from(std::string_view text, char bracket, Random& random) {
  std::vector<Span> items;
  for (const Container& each : containers_of(text))
    if (each.bracket == bracket) items.insert(items.end(), each.items.begin(), each.items.end());
  return items.empty() ? std::string() : copy(text, any(items, random));
}

void insert(std::string& text, const Container& to, const std::string& item, Random& random) {
  const std::size_t at = below(random, to.items.size() + 1);
  if (to.items.empty()) {
    text.insert(to.begin, item);
  } else if (at < to.items.size()) {
    text.insert(to.items[at].begin, item + ",");
  } else {
    text.insert(to.items.back().end, "," + item);
  }
}

/// Removes the item with one of the commas beside it.
void remove(std::string& text, const Container& from, std::size_t at) {
  auto [begin, end] = from.items[at];
  if (at + 1 < from.items.size()) {
    ++end;
  } else if (at > 0) {
    --begin;
  }
  text.erase(begin, end - begin);
}

void change_value(std::string& text, const Span& value) {
  std::string changed = copy(text, value);
  change(changed, changed.size() + new_bytes_max);
  text.replace(value.begin, value.end - value.begin, changed);
}

/// Puts another number in the place of one, also of one within a text.
void change_number(std::string& text, Random& random) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::vector<Span> numbers;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at])) continue;
    if (at == 0 || !is_digit(text[at - 1])) numbers.push_back({.begin = at, .end = at});
    numbers.back().end = at + 1;
  }
  if (numbers.empty()) return;
  const auto [begin, end] = any(numbers, random);
  std::string digits(1 + below(random, below(random, 4) == 0 ? number_digits_max : 2), '0');
  for (char& digit : digits) digit = static_cast<char>('0' + below(random, 10));
  text.replace(begin, end - begin, digits);
}

/// A member or an element that libFuzzer makes of nothing: most often a word of the dictionary, because other
/// words seldom begin like JSON.
std::string new_item() {
  constexpr int tries = 16;
  std::string item;
  for (int at = 0; at < tries && (item.empty() || !std::string_view("\"{[").contains(item[0])); ++at) {
    item.clear();
    change(item, new_bytes_max);
  }
  return item;
}

void mutate(std::string& text, std::size_t max_size, Random& random) {
  const std::vector<Container> containers = containers_of(text);
  if (containers.empty() || below(random, 4) == 0) return change(text, max_size);
  const Container& one = any(containers, random);
  const std::size_t kind = below(random, 8);
  if (kind < 2) return insert(text, one, new_item(), random);
  if (kind == 2) return insert(text, one, item_from(text, one.bracket, random), random);
  if (kind == 3) return change_number(text, random);
  if (one.items.empty()) return change(text, max_size);
  const std::size_t at = below(random, one.items.size());
  if (kind == 4) return remove(text, one, at);
  change_value(text, value_of(text, one, one.items[at]));
}

std::size_t write(const std::string& text, std::uint8_t* to, std::size_t max_size) {
  const std::size_t size = std::min(text.size(), max_size);
  std::ranges::copy(text.substr(0, size), to);
  return size;
}

}  // namespace
}  // namespace ringrpc::fuzz

// The names and types of these two functions are libFuzzer's.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace ringrpc::fuzz;
  Random random(seed);
  std::string text(data, data + size);
  mutate(text, max_size, random);
  return write(text, data, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* out, std::size_t max_size, unsigned seed) {
  using namespace ringrpc::fuzz;
  Random random(seed);
  // libFuzzer tries as many mixtures as mutations, and something else after an empty one.
  if (below(random, 4) != 0) return 0;
  std::string text(one, one + one_size);
  const std::vector<Container> containers = containers_of(text);
  if (containers.empty()) return 0;
  const Container& to = any(containers, random);
  const std::string item = item_from(std::string(other, other + other_size), to.bracket, random);
  if (item.empty()) return 0;
  insert(text, to, item, random);
  return write(text, out, max_size);
}
