/// The reply to one request, whatever protocol it came in: finds the page, waits for it, and holds its text
/// until the client has read it.
///
///   reply.request(Method::get, {.path = "/metrics"});   // receiver.on_reply(), from inside or later
///   reply.status(); reply.fields(); reply.rest();
///   reply.reset();                                      // frees the text, forgets the page
///
/// A path without a page gets 404, a method other than GET and HEAD 405, a page that fails 500 or 503, and a
/// page for whose text there is no room 503.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "admin/page_runner.h"
#include "base/caught.h"
#include "http1/request.h"

namespace ringrpc::admin {

class AdminShard;

enum class Method : std::uint8_t { get, head, other };
Method method_of(std::string_view name) noexcept;

class PageReply final : private ExceptionBarrier<PageReply>, private PageRunner::Client {
 public:
  class Receiver {
   public:
    /// The reply is complete: begin the response. May throw std::bad_alloc.
    virtual void on_reply() = 0;
    /// There is no memory for the reply.
    virtual void on_no_reply() noexcept = 0;

   protected:
    ~Receiver() = default;
  };

  PageReply(AdminShard& owner, Receiver& receiver) noexcept : owner_(owner), receiver_(receiver) {}
  PageReply(const PageReply&) = delete;
  PageReply& operator=(const PageReply&) = delete;
  ~PageReply() { reset(); }

  void request(Method method, PageRequest request);
  /// Replies with a line of text instead of a page. A page that is being made is forgotten.
  void refuse(int status, std::string text);
  /// The request is for a host that is not served: 421.
  void refuse_host();
  /// The page was not ready in time: 504.
  void time_out() { refuse(504, "The page was not ready in time.\n"); }

  int status() const noexcept { return response_.status; }
  /// Without Date and Content-Length. Valid until `reset`.
  std::span<const http1::Field> fields() const noexcept { return std::span(fields_).first(field_count_); }
  std::size_t body_bytes() const noexcept { return response_.body.size(); }

  /// The next piece of the body; empty at its end.
  std::string_view next_piece() const noexcept {
    return std::string_view(response_.body).substr(passed_bytes_, piece_bytes);
  }
  void passed(std::size_t bytes) noexcept { passed_bytes_ += bytes; }

  /// Ready for another request.
  void reset() noexcept;

 private:
  static constexpr std::size_t piece_bytes = 16 * 1024;

  friend ExceptionBarrier<PageReply>;
  void on_exception(const Status& /*why*/) noexcept { receiver_.on_no_reply(); }
  void on_page(Result<PageResponse> response) noexcept override;

  void forget_page() noexcept;
  void settle(PageResponse response);
  void add(std::string_view name, std::string_view value) noexcept {
    fields_[field_count_++] = {name, value};
  }

  AdminShard& owner_;
  Receiver& receiver_;
  PageRunner* page_ = nullptr;  ///< that it waits for
  PageResponse response_;
  std::array<http1::Field, 5> fields_;
  std::size_t field_count_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t passed_bytes_ = 0;
};

}  // namespace ringrpc::admin
