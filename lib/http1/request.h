/// The head of a request, parsed and checked (RFC 9112, 3 and 5).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ringrpc::http1 {

/// A borrowed field. Names of requests are as the peer wrote them; compare them with `same_name`.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// Field names, and tokens such as `close`, are equal whatever their case (RFC 9110, 5.1).
bool same_name(std::string_view one, std::string_view other) noexcept;

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// The rule by which the end of the body is found (RFC 9112, 6.3).
enum class Framing : std::uint8_t {
  none,     ///< there is no body: neither Content-Length nor Transfer-Encoding, or Content-Length: 0
  length,   ///< Content-Length
  chunked,  ///< Transfer-Encoding: chunked
};

/// It and its views are valid until SessionEvents::on_response_end or on_aborted returns.
struct Request {
  std::string_view method;
  std::string_view target;  ///< as it arrived
  std::string_view path;    ///< begins with '/', percent-encoded; or "*", for OPTIONS only
  std::string_view query;   ///< after the '?', percent-encoded
  std::string_view host;    ///< of Host; empty if a request of HTTP/1.0 has none
  std::vector<Field> fields;
  Version version = Version::http_1_1;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  ///< of Framing::length
  bool keep_alive = false;           ///< the peer takes further responses on this connection (RFC 9112, 9.3)
  bool expects_continue = false;     ///< the peer waits for 100 (Continue) before it sends the body

  /// The value of the first field of this name; empty if there is none.
  std::string_view field(std::string_view name) const noexcept;
};

}  // namespace ringrpc::http1
