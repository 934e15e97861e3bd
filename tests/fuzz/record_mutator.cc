// Mutations of inputs that are records (Input::record): whole records are removed, repeated, moved, added and
// mixed with those of another input, and libFuzzer's own mutations act within one record, so that the others keep
// their meaning.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/mutation.h"

namespace ringrpc::fuzz {
namespace {

using Records = std::vector<std::string>;

constexpr std::size_t record_bytes_max = 255;
constexpr std::size_t new_record_bytes_max = 12;
constexpr std::size_t few_records = 4;

Records split(std::span<const std::uint8_t> bytes) {
  Records records;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.front(), bytes.size() - 1);
    const auto record = bytes.subspan(1, size);
    records.emplace_back(record.begin(), record.end());
    bytes = bytes.subspan(1 + size);
  }
  return records;
}

/// Writes the records that fit, and gives their size.
std::size_t join(const Records& records, std::uint8_t* to, std::size_t max_size) {
  std::size_t size = 0;
  for (const std::string& whole : records) {
    const std::string_view record = std::string_view(whole).substr(0, record_bytes_max);
    if (size + 1 + record.size() > max_size) break;
    to[size] = static_cast<std::uint8_t>(record.size());
    std::ranges::copy(record, to + size + 1);
    size += 1 + record.size();
  }
  return size;
}

/// A text that libFuzzer makes of nothing, such as a word of the dictionary.
std::string new_word() {
  constexpr int tries = 8;
  std::string word;
  for (int at = 0; at < tries && word.size() < 2; ++at) {
    word.clear();
    change(word, record_bytes_max);
  }
  return word;
}

/// Choices at random, and sometimes a text after them.
std::string new_record(Random& random) {
  std::string record(below(random, new_record_bytes_max + 1), '\0');
  for (char& byte : record) byte = static_cast<char>(below(random, 256));
  if (below(random, 4) == 0) record += new_word();
  return record;
}

/// Some records that follow each other: a few, or all from one on, so that everything can happen once more.
Records some_of(const Records& records, Random& random) {
  if (records.empty()) return {};
  const std::size_t at = below(random, records.size());
  const std::size_t rest = records.size() - at;
  const std::size_t count = below(random, 2) == 0 ? rest : std::min(rest, 1 + below(random, few_records));
  const auto first = records.begin() + static_cast<std::ptrdiff_t>(at);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

/// Inserts `added` at the end or anywhere.
void insert(Records& records, const Records& added, Random& random) {
  const std::size_t at = below(random, 2) == 0 ? records.size() : below(random, records.size() + 1);
  records.insert(records.begin() + static_cast<std::ptrdiff_t>(at), added.begin(), added.end());
}

void mutate(Records& records, Random& random) {
  if (records.empty()) return records.push_back(new_record(random));
  const std::size_t at = below(random, records.size());
  std::string& one = records[at];
  switch (below(random, 16)) {
    case 0:
    case 1:
      records.erase(records.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    case 2:
    case 3:
    case 4:
      return insert(records, some_of(records, random), random);
    case 5:
      return std::swap(one, records[below(random, records.size())]);
    case 6:
    case 7:
    case 8:
      return insert(records, {new_record(random)}, random);
    case 9:  // another choice
    case 10:
    case 11:
      if (one.empty()) one.push_back('\0');
      one[below(random, one.size())] = static_cast<char>(below(random, 256));
      return;
    case 12:
      one += new_word();
      return;
    default:
      return change(one, record_bytes_max);
  }
}

}  // namespace
}  // namespace ringrpc::fuzz

// The names and types of these two functions are libFuzzer's.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace ringrpc::fuzz;
  Random random(seed);
  Records records = split({data, size});
  mutate(records, random);
  return join(records, data, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* out, std::size_t max_size, unsigned seed) {
  using namespace ringrpc::fuzz;
  Random random(seed);
  // libFuzzer tries as many mixtures as mutations, and something else after an empty one.
  if (below(random, 4) != 0) return 0;
  Records records = split({one, one_size});
  insert(records, some_of(split({other, other_size}), random), random);
  return join(records, out, max_size);
}
