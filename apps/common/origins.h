/// Where the values of settings came from, for messages about what they name.
///
///   origins.note("tls-cert", "grpcd.toml:3: tls-cert");
///   origins.of("tls-cert");      // "grpcd.toml:3: tls-cert"
///   origins.of("authz");         // "--authz", as long as nothing else is known
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ringrpc::apps {

class Origins {
 public:
  /// The last one counts.
  void note(const std::string& setting, std::string where) {
    known_.insert_or_assign(setting, std::move(where));
  }

  /// Whether anybody gave it a value.
  bool given(std::string_view setting) const { return known_.contains(setting); }

  std::string of(std::string_view setting) const {
    const auto found = known_.find(setting);
    return found == known_.end() ? "--" + std::string(setting) : found->second;
  }

 private:
  std::map<std::string, std::string, std::less<>> known_;
};

}  // namespace ringrpc::apps
