#include "http1/head_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <limits>

namespace ringrpc::http1 {
namespace {

namespace beast = boost::beast;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

/// Beast would go on with the body; the session takes that itself, so the parser ends with the head.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeadParser(Request& request) : request_(request) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // the scanner has enforced the session's
    body_limit(boost::none);
    skip(true);
  }

 private:
  using Error = beast::error_code;

  void on_request_impl(beast::http::verb /*method*/, beast::string_view method, beast::string_view target,
                       int version, Error& /*error*/) override {
    request_.method = view(method);
    request_.target = view(target);
    request_.version = version == 10 ? Version::http_1_0 : Version::http_1_1;
  }
  void on_field_impl(beast::http::field /*known*/, beast::string_view name, beast::string_view value,
                     Error& /*error*/) override {
    request_.fields.push_back({view(name), view(value)});
  }
  void on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/,
                        Error& /*error*/) override {}
  void on_header_impl(Error& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, Error& /*error*/) override {}
  std::size_t on_body_impl(beast::string_view /*body*/, Error& /*error*/) override { return 0; }
  void on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view /*extensions*/,
                            Error& /*error*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*left*/, beast::string_view /*body*/,
                                 Error& /*error*/) override {
    return 0;
  }
  void on_finish_impl(Error& /*error*/) override {}

  Request& request_;
};

/// Names the faults that Beast finds and the scanner does not.
Refusal refusal(const beast::error_code& error, const Request& request) {
  using beast::http::error;
  constexpr std::string_view both = "there are both Content-Length and Transfer-Encoding (RFC 9112, 6.1)";
  if (error == error::bad_content_length && !request.field("transfer-encoding").empty()) return {400, both};
  if (error == error::bad_content_length) return {400, "Content-Length is not one number (RFC 9110, 8.6)"};
  if (error == error::multiple_content_length)
    return {400, "there are several Content-Lengths (RFC 9110, 8.6)"};
  if (error == error::bad_transfer_encoding && !request.field("content-length").empty()) return {400, both};
  if (error == error::bad_transfer_encoding) return {400, "Transfer-Encoding is not chunked (RFC 9112, 6.1)"};
  if (error == error::bad_value) return {400, "Connection is not a list of tokens (RFC 9110, 7.6.1)"};
  return {400, "the head is malformed (RFC 9112, 2.1)"};
}

}  // namespace

Refusal parse_head(Bytes head, Request& request) {
  HeadParser parser(request);
  beast::error_code error;
  const std::size_t taken = parser.put({head.data(), head.size()}, error);
  if (error) return refusal(error, request);
  if (taken != head.size() || !parser.is_done()) return {400, "the head is malformed (RFC 9112, 2.1)"};
  return {};
}

}  // namespace ringrpc::http1
