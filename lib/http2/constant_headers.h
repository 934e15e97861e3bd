/// A header list that many streams send, translated for nghttp2 only once. Sending it needs no memory.
///
///   static const ConstantHeaders plain(std::array{Header{":status", "200"}});
///   session.send_headers(stream, plain, false);
///
/// It must outlive every stream that sends it. Any number of threads may use it at once.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "http2/header.h"
#include "http2/sent_fields.h"

namespace ringrpc::http2 {

class ConstantHeaders {
 public:
  explicit ConstantHeaders(std::span<const Header> headers)
      : memory_(std::make_unique<std::byte[]>(SentFields::bytes_for(headers))),
        fields_(SentFields::write(headers, memory_.get(), nullptr)) {}

  const SentFields& fields() const noexcept { return *fields_; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  const SentFields* fields_;
};

}  // namespace ringrpc::http2
