/// Whether a header block is what RFC 9113 section 8 calls well-formed.
///
///   MessageCheck check;
///   check.begin(MessageCheck::Kind::request);
///   for (field : block) if (!check.field(field.name, field.value)) malformed();
///   if (!check.end()) malformed();
///
/// Checked are names, values and the pseudo-header fields (which, once, first, not empty, CONNECT's); connection-specific fields
/// are refused, and `te` other than "trailers"; content-length must be one number. What `host` says beside or instead of
/// `:authority`, and what a `:path` looks like, is the user's affair.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringrpc::http2 {

class MessageCheck {
 public:
  enum class Kind : std::uint8_t { request, response, trailers };

  static constexpr std::int64_t no_length = -1;

  void begin(Kind kind) noexcept {
    *this = MessageCheck();
    kind_ = kind;
  }

  /// Takes the next field; false when it makes the message malformed. `name_is_known` and `value_is_known` spare the check of octets
  /// that come from HPACK's static table.
  bool field(std::string_view name, std::string_view value, bool name_is_known = false,
             bool value_is_known = false) noexcept;

  /// The block is complete; false when something is missing.
  bool end() const noexcept;

  /// What content-length said; no_length when there was none or it means nothing here.
  std::int64_t content_length() const noexcept { return content_length_; }
  /// Of a response.
  int status() const noexcept { return status_; }
  bool interim() const noexcept { return kind_ == Kind::response && status_ < 200; }

 private:
  enum Pseudo : std::uint8_t { method = 1, scheme = 2, path = 4, authority = 8, status_code = 16 };

  bool pseudo_field(Pseudo which, Kind kind, bool may_be_empty, std::string_view value) noexcept;
  bool take_status(std::string_view value) noexcept;
  bool take_content_length(std::string_view value) noexcept;

  Kind kind_ = Kind::request;
  std::uint8_t seen_ = 0;
  bool regular_seen_ = false;
  bool connect_ = false;
  int status_ = 0;
  std::int64_t content_length_ = no_length;
};

}  // namespace ringrpc::http2
