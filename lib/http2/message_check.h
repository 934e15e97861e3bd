/// Checks that a header block is well-formed in the sense of RFC 9113, section 8.
///
///   MessageCheck check(MessageCheck::Kind::request);
///   for (field : block) {
///     const std::optional<FieldMeaning> meaning = MessageCheck::meaning_of(field.name, field.value);
///     if (!meaning || !check.take(*meaning)) malformed();
///   }
///   if (!check.complete()) malformed();
///
/// The check covers names, values and the pseudo-header fields: which are allowed, that each comes once,
/// comes first and is not empty, CONNECT's own set, no userinfo. It refuses connection-specific fields and
/// `te` other than "trailers". Content-length must be one number. The user checks `host` and the form of
/// `:path`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringrpc::http2 {

/// The meaning of a valid field for the check, independent of the field's place.
struct FieldMeaning {
  enum Kind : std::uint8_t {
    regular = 1,
    method = 2,
    connect = 4,  ///< CONNECT has rules of its own
    scheme = 8,
    path = 16,
    authority = 32,
    status = 64,
    content_length = 128,
  };
  static constexpr std::uint8_t pseudo = method | connect | scheme | path | authority | status;

  Kind kind = regular;
  std::uint8_t excludes = pseudo;  ///< kinds that may not follow
  std::int64_t number = 0;         ///< the value of a status or a content-length
};

class MessageCheck {
 public:
  enum class Kind : std::uint8_t { request, response, trailers };

  static constexpr std::int64_t no_length = -1;

  explicit MessageCheck(Kind kind) noexcept : kind_(kind), allowed_(allowed_in(kind)) {}

  /// Nothing if the field would make any message malformed. `name_is_known` and `value_is_known` skip the
  /// byte checks of strings from HPACK's static table.
  static std::optional<FieldMeaning> meaning_of(std::string_view name, std::string_view value,
                                                bool name_is_known = false,
                                                bool value_is_known = false) noexcept;

  /// Takes the next field. False if it makes this message malformed.
  bool take(const FieldMeaning& meaning) noexcept {
    if ((allowed_ & meaning.kind) == 0) return false;
    allowed_ = static_cast<std::uint8_t>(allowed_ & ~meaning.excludes);
    seen_ = static_cast<std::uint8_t>(seen_ | meaning.kind);
    if (meaning.kind == FieldMeaning::content_length) content_length_ = meaning.number;
    if (meaning.kind == FieldMeaning::status) status_ = meaning.number;
    return true;
  }

  /// True if the block, now at its end, has all required fields.
  bool complete() const noexcept;

  /// The value of content-length; no_length if there is none.
  std::int64_t content_length() const noexcept { return content_length_; }
  /// The status of a response.
  std::int64_t status() const noexcept { return status_; }
  bool interim() const noexcept { return kind_ == Kind::response && status_ < 200; }

 private:
  static constexpr std::uint8_t allowed_in(Kind kind) noexcept {
    constexpr std::uint8_t anywhere = FieldMeaning::regular | FieldMeaning::content_length;
    if (kind == Kind::request) return anywhere | (FieldMeaning::pseudo & ~FieldMeaning::status);
    return kind == Kind::response ? anywhere | FieldMeaning::status : anywhere;
  }

  Kind kind_;
  std::uint8_t allowed_;
  std::uint8_t seen_ = 0;
  std::int64_t status_ = 0;
  std::int64_t content_length_ = no_length;
};

}  // namespace ringrpc::http2
