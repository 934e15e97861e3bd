/// The origins of the values of settings, for error messages.
///
///   origins.note("tls-cert", "grpcd.toml:3: tls-cert", Source::file);
///   origins.of("tls-cert");      // "grpcd.toml:3: tls-cert"
///   origins.of("authz");         // "--authz", because nothing set it
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ringrpc::apps {

/// In ascending order of precedence.
enum class Source : std::uint8_t { file, environment, flag };

class Origins {
 public:
  /// Replaces an earlier origin of the same setting.
  void note(const std::string& setting, std::string where, Source source) {
    known_.insert_or_assign(setting, Origin{std::move(where), source});
  }

  /// True if any source set it.
  bool given(std::string_view setting) const { return known_.contains(setting); }

  std::string of(std::string_view setting) const {
    const auto found = known_.find(setting);
    return found == known_.end() ? "--" + std::string(setting) : found->second.where;
  }

  /// The name of `other` in the form in which `setting` was given: as a key in the file, else as a flag.
  std::string name_beside(std::string_view setting, std::string_view other) const {
    const auto found = known_.find(setting);
    const bool in_file = found != known_.end() && found->second.source == Source::file;
    return (in_file ? "" : "--") + std::string(other);
  }

  /// True if both were set, and `one` by a source of higher precedence than `other`.
  bool beats(std::string_view one, std::string_view other) const {
    const auto first = known_.find(one);
    const auto second = known_.find(other);
    return first != known_.end() && second != known_.end() && first->second.source > second->second.source;
  }

 private:
  struct Origin {
    std::string where;
    Source source;
  };

  std::map<std::string, Origin, std::less<>> known_;
};

}  // namespace ringrpc::apps
