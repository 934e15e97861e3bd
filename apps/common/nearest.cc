#include "common/nearest.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace ringrpc::apps {
namespace {

constexpr std::size_t suggestions_max = 3;
constexpr std::size_t few = 10;
constexpr std::size_t compared_bytes_max = 256;

std::string lower(std::string_view text) {
  std::string lowered(text.substr(0, compared_bytes_max));
  std::ranges::transform(lowered, lowered.begin(),
                         [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
  return lowered;
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

/// The Levenshtein distance: how many characters to insert, delete or replace.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The smaller of the distances of the whole names and of their last parts, so that a missing package counts
/// nothing.
std::size_t distance_of_names(std::string_view wrong, std::string_view name) {
  return std::min(distance(lower(wrong), lower(name)),
                  distance(lower(last_part(wrong)), lower(last_part(name))));
}

std::string enumerated(const std::vector<std::string>& names, std::string_view last) {
  std::string joined;
  for (std::size_t i = 0; i < names.size(); ++i) {
    joined.append(i == 0 ? "" : i + 1 == names.size() ? last : ", ").append(names[i]);
  }
  return joined;
}

}  // namespace

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& names) {
  const std::size_t limit = std::max<std::size_t>(2, last_part(wrong).size() / 3);
  std::multimap<std::size_t, std::string_view> near;
  for (const std::string& name : names) {
    const std::size_t far = distance_of_names(wrong, name);
    if (far <= limit) near.emplace(far, name);
  }
  std::vector<std::string> closest;
  for (const auto& [far, name] : near) {
    if (closest.size() < suggestions_max) closest.emplace_back(name);
  }
  return closest.empty() ? "" : "; did you mean " + enumerated(closest, " or ") + "?";
}

std::string suggest(std::string_view wrong, const std::vector<std::string>& names) {
  if (std::string meant = did_you_mean(wrong, names); !meant.empty()) return meant;
  if (names.empty() || names.size() > few) return {};
  return "; there " + std::string(names.size() == 1 ? "is " : "are ") + enumerated(names, " and ");
}

}  // namespace ringrpc::apps
