/// A session in a test: it records its events, and responds by hooks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http1/session.h"

namespace ringrpc::http1::test {

/// 06 November 1994 08:49:37 (RFC 9110, 5.6.7).
inline constexpr std::chrono::sys_seconds date{std::chrono::seconds(784111777)};
inline constexpr std::string_view date_line = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

inline constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
inline constexpr Limits with_bodies{.body_bytes_max = 1000};

/// The content of a chain, which it leaves as it is.
std::string text(const Chain& chain);

class Server final : public SessionEvents {
 public:
  /// Responds to each request at its end: 200, with the length of its body as text.
  explicit Server(const Limits& limits = {});

  Status receive(std::string_view bytes) { return session.receive(as_bytes(bytes)); }
  /// In pieces of this size.
  Status receive(std::string_view bytes, std::size_t piece_bytes);

  /// Everything that is due, in pieces of at most `limit_bytes` a call.
  std::string produce(std::size_t limit_bytes = 1024 * 1024);

  /// Receives `bytes` and gives everything that is sent then.
  std::string answer(std::string_view bytes) {
    status = receive(bytes);
    return produce();
  }

  Chain chain(std::string_view content) {
    Chain filled(slabs);
    filled.append(as_bytes(content));
    return filled;
  }

  SlabPool slabs;
  Limits limits;
  /// "request GET /path?query", "body abc", "end", "response end", "aborted <message>"; pieces of a body are
  /// joined.
  std::vector<std::string> events;
  std::string body;  ///< of the last request
  Status status;
  int writable = 0;
  bool consumes = true;  ///< gives body bytes back at once
  std::function<void(const Request&)> on_request_hook;
  std::function<void(Bytes)> on_body_hook;
  std::function<void()> on_end_hook;  ///< instead of the response above
  std::function<void()> on_writable_hook;
  std::function<void()> on_response_end_hook;
  Session session;

 private:
  void on_request(const Request& request) override;
  void on_body(Bytes bytes) override;
  void on_request_end() override;
  void on_writable() override;
  void on_response_end() override;
  void on_aborted(const Status& why) override;
  std::chrono::sys_seconds time_of_day() override { return date; }
};

/// The effect of some bytes on a server: its events, and the bytes that it sends.
struct Outcome {
  std::vector<std::string> events;
  std::string sent;
  std::string failure;
  bool finished = false;

  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

/// The outcome of `bytes` in pieces that end at `cuts`.
Outcome outcome_of(std::string_view bytes, const Limits& limits, const std::vector<std::size_t>& cuts);

/// The outcome of `bytes` in one piece, after a check that it is the same byte by byte and when cut in two
/// anywhere.
Outcome outcome_however_cut(std::string_view bytes, const Limits& limits = {});

/// The status codes of the responses in `sent`, interim ones included.
std::vector<int> statuses(std::string_view sent);

}  // namespace ringrpc::http1::test
