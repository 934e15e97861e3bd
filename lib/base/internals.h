/// The library's way to the members of public types that are not for users: these members are private, and
/// the type is a friend of this.
///
///   const MetricsWriter writer = detail::Internals::make<MetricsWriter>(text);
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace ringrpc::detail {

struct Internals {
  template <class Made, class... Arguments>
  static Made make(Arguments&&... arguments) {
    return Made(std::forward<Arguments>(arguments)...);
  }

  /// Of an AccessLog.
  static auto& state(auto& log) noexcept { return log.state(); }
  /// Of a ServerTls or a JwtKeys.
  static auto& files(auto& object) noexcept { return *object.state_; }
  /// The TLS of new connections, of a ServerTls or ClientTls.
  static decltype(auto) context(const auto& tls) { return tls.context(); }
  /// Of a Pem that is no file.
  static const auto& text(const auto& pem) noexcept { return pem.text_; }
  /// Of a JwtKeys.
  static auto keys(const auto& keys) { return keys.keys(); }
  static auto version(const auto& keys) noexcept { return keys.version(); }
  /// Of a WorkerPool: runs a job that waits among those of other callers.
  static auto run_for(auto& pool, const auto& origin, auto job) {
    return pool.run_for(&origin, std::move(job));
  }
  /// Of a MetricsWriter: the fault of the first invalid name.
  static const auto& status(const auto& writer) noexcept { return writer.status_; }
  /// Of a MetricsWriter: the page, for families of the library.
  static auto& page(auto& writer) noexcept { return writer.text_; }
  /// Of a Next: runs the rest of the call without Call::failure, and passes exceptions on.
  static auto enter(const auto& next) { return next.enter(); }
  /// Adds an entry that a peer sent to a Metadata, unchecked: values may hold any bytes that HTTP/2 carries.
  static void add_received(auto& metadata, std::string_view name, std::string value) {
    metadata.add_received(name, std::move(value));
  }
};

}  // namespace ringrpc::detail
