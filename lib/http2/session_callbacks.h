/// The callbacks that nghttp2 calls. Only the session's sources and sent_fields.cc see nghttp2's types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nghttp2/nghttp2.h>

#include "base/caught.h"
#include "http2/session.h"

namespace ringrpc::http2 {

struct Session::Callbacks {
  static const nghttp2_session_callbacks* table();
  /// The allocator of nghttp2. If the system is out of memory it allocates from the reserve and ends the
  /// session.
  static nghttp2_mem memory(Session& session) noexcept;

  static Session& self(void* user_data) noexcept { return *static_cast<Session*>(user_data); }

  /// Runs a callback. nghttp2 is C, so no exception may pass through it; an exception fails the connection.
  template <class Callback>
  static int contained(void* user_data, Callback callback) noexcept {
    Session& session = self(user_data);
    try {
      return callback(session);
    } catch (...) {
      session.lose(caught());
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  // session_input.cc
  static int on_begin_headers(nghttp2_session* engine, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_header(nghttp2_session* engine, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t flags, void* user_data) noexcept;
  static int on_data_chunk(nghttp2_session* engine, std::uint8_t flags, std::int32_t stream_id,
                           const std::uint8_t* data, std::size_t length, void* user_data) noexcept;
  static int on_frame_received(nghttp2_session* engine, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_stream_close(nghttp2_session* engine, std::int32_t stream_id, std::uint32_t code,
                             void* user_data) noexcept;

  // session_output.cc
  static ssize_t on_read(nghttp2_session* engine, std::int32_t stream_id, std::uint8_t* buffer,
                         std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                         void* user_data) noexcept;
  static int on_send_data(nghttp2_session* engine, nghttp2_frame* frame, const std::uint8_t* header,
                          std::size_t length, nghttp2_data_source* source, void* user_data) noexcept;
  static int on_frame_produced(nghttp2_session* engine, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_frame_not_produced(nghttp2_session* engine, const nghttp2_frame* frame, int error,
                                   void* user_data) noexcept;
};

inline void Session::check(int error) {
  if (nghttp2_is_fatal(error)) [[unlikely]]
    engine_failed(error);
}

/// The return value of a callback: it makes nghttp2 continue or stop.
inline int Session::verdict() const noexcept {
  return phase_ >= Phase::terminating ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

}  // namespace ringrpc::http2
