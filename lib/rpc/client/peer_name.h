/// The text of an address, which the calls that went there share, and which may outlive the connection.
///
///   const PeerName name("127.0.0.1:50051");
///   PeerName of_call = name;              // counts a reference
///
/// Belongs to one shard: references are counted without atomics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ringrpc {

class PeerName {
 public:
  PeerName() noexcept = default;
  explicit PeerName(std::string_view text) : shared_(new Shared{std::string(text)}) {}
  PeerName(const PeerName& other) noexcept : shared_(other.shared_) {
    if (shared_) ++shared_->references;
  }
  PeerName& operator=(const PeerName& other) noexcept {
    PeerName copy(other);
    std::swap(shared_, copy.shared_);
    return *this;
  }
  ~PeerName() {
    if (shared_ && --shared_->references == 0) delete shared_;
  }

  /// Empty without an address.
  std::string_view text() const noexcept { return shared_ ? std::string_view(shared_->text) : ""; }

 private:
  struct Shared {
    std::string text;
    std::uint64_t references = 1;
  };

  Shared* shared_ = nullptr;
};

}  // namespace ringrpc
