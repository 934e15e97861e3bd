/// Counts calls by the address that they went to, in bounded memory.
///
///   Backends backends;
///   backends.record(backends.index_of("127.0.0.1:50051"), true, 83us);
///   backends.merge(another_threads);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"

#include "grpcbench/histogram.h"

namespace ringrpc::grpcbench {

/// Error at most 1/64; 9.5 KB.
using BackendHistogram = BasicHistogram<6, std::uint32_t>;

class Backends {
 public:
  /// Addresses beyond this number share a row.
  static constexpr std::size_t addresses_max = 100;

  struct Backend {
    std::string address;       ///< or `no_server`, or `others`
    BackendHistogram latency;  ///< of the calls that have one, as in a Tally
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t open = 0;      ///< streams, as in a Tally
    std::uint64_t messages = 0;  ///< received, of methods with streams
  };

  /// The row of an address; of all calls without one if it is empty.
  std::size_t index_of(std::string_view address) {
    if (last_ < rows_.size() && rows_[last_].address == address) return last_;
    return last_ = find(address);
  }

  /// Counts a call, with its latency if it has one.
  void record(std::size_t index, bool succeeded, std::optional<Nanoseconds> latency) {
    Backend& backend = rows_[index];
    ++(succeeded ? backend.succeeded : backend.failed);
    if (latency) backend.latency.record(*latency);
  }

  void record_open(std::size_t index) { ++rows_[index].open; }
  void record_messages(std::size_t index, std::uint64_t received) { rows_[index].messages += received; }

  void merge(const Backends& other);

  /// In the order of their first calls.
  const std::vector<Backend>& rows() const noexcept { return rows_; }

  /// The address of the row of calls that went to no server.
  static constexpr std::string_view no_server = "(no server)";
  /// That of the row of addresses beyond the limit.
  static constexpr std::string_view others = "(others)";

 private:
  std::size_t find(std::string_view address);

  std::vector<Backend> rows_;
  std::map<std::string, std::size_t, std::less<>> indices_;
  std::size_t last_ = 0;  // the row that was asked for last
};

}  // namespace ringrpc::grpcbench
