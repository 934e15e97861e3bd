/// Where the values of settings came from, for messages about what they name.
///
///   origins.note("tls-cert", "grpcd.toml:3: tls-cert", Source::file);
///   origins.of("tls-cert");      // "grpcd.toml:3: tls-cert"
///   origins.of("authz");         // "--authz", as long as nothing else is known
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ringrpc::apps {

/// Each beats those before it.
enum class Source : std::uint8_t { file, environment, flag };

class Origins {
 public:
  /// The last one counts.
  void note(const std::string& setting, std::string where, Source source) {
    known_.insert_or_assign(setting, Origin{std::move(where), source});
  }

  /// Whether anybody gave it a value.
  bool given(std::string_view setting) const { return known_.contains(setting); }

  std::string of(std::string_view setting) const {
    const auto found = known_.find(setting);
    return found == known_.end() ? "--" + std::string(setting) : found->second.where;
  }

  /// Whether both were given, and `one` by something that beats what gave `other`.
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
